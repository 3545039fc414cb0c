using Microsoft.Extensions.DependencyInjection;
using NATS.Client.Core;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

internal sealed class JetStreamQueueUnderTest : QueueUnderTest
{
    private readonly ServiceProvider _services;

    public JetStreamQueueUnderTest(INatsConnection connection, Action<IServiceCollection>? configure = null)
        : this(connection, NatsFixture.Unique("q") + ".dlq", configure)
    {
    }

    public JetStreamQueueUnderTest(INatsConnection connection, string queue, Action<IServiceCollection>? configure = null)
    {
        Queue = queue;
        var services = new ServiceCollection();
        services.AddSingleton(connection);
        services.AddTopologyDlq(options =>
        {
            options.QueueNames.Clear();
            options.QueueNames.Add(Queue);
        });
        services.Configure<DeadLetterQueueOptions>(Queue, options => options.MaxBytes = 1 << 20);
        services.AddJetStreamDeadLetterQueues(options =>
        {
            options.Provision = DeadLetterProvisioning.Create;
            options.MaxMarkBytes = 1 << 20; // the server sets a stream's max_bytes aside
        });
        configure?.Invoke(services);
        _services = services.BuildServiceProvider();
    }

    public IServiceProvider Services => _services;

    public override IDeadLetterQueueProvider Provider => _services.GetRequiredService<IDeadLetterQueueProvider>();

    public override string Queue { get; }

    public override DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    // The server's clock is real.
    public override Task PassAsync(TimeSpan time) => Task.Delay(time, TestContext.Current.CancellationToken);

    public override ValueTask DisposeAsync() => _services.DisposeAsync();
}
