using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using NATS.Client.Core;
using Topology.Dlq;

namespace Topology.Benchmarks.Dlq;

/// <summary>A guarded consumer as an application runs one, with a handler the case gives.</summary>
internal sealed class GuardedSide : IAsyncDisposable
{
    public const string Queue = "bench.dlq";

    private readonly NatsConnection _connection;
    private readonly ServiceProvider _services;

    private GuardedSide(NatsConnection connection, ServiceProvider services)
    {
        _connection = connection;
        _services = services;
    }

    public IDeadLetterRedrive Redrive => _services.GetRequiredService<IDeadLetterRedrive>();

    public IDeadLetterQueueProvider Provider => _services.GetRequiredService<IDeadLetterQueueProvider>();

    public static async Task<GuardedSide> StartAsync(
        DlqBenchServer server, string stream, Func<WorkMessage, CancellationToken, ValueTask<WorkVerdict>> handle, Action<GuardedConsumerOptions>? configure = null)
    {
        var connection = await server.ConnectAsync();
        var services = new ServiceCollection()
            .AddSingleton(typeof(ILogger<>), typeof(NullLogger<>))
            .AddSingleton<INatsConnection>(connection)
            .AddSingleton(handle)
            .AddTopologyDlq(options =>
            {
                options.QueueNames.Clear();
                options.QueueNames.Add(Queue);
                options.ProcessLetters = false;
            })
            .Configure<DeadLetterQueueOptions>(Queue, options => options.MaxBytes = 256 << 20)
            .AddJetStreamDeadLetterQueues(options => options.Provision = DeadLetterProvisioning.Create)
            .AddGuardedConsumer<Handler>("guarded", options =>
            {
                (options.Stream, options.Queue) = (stream, Queue);
                configure?.Invoke(options);
            })
            .AddSourceRedriveTarget(Queue)
            .BuildServiceProvider();
        foreach (var hosted in services.GetServices<IHostedService>())
            await hosted.StartAsync(CancellationToken.None);
        return new GuardedSide(connection, services);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var hosted in _services.GetServices<IHostedService>())
            await hosted.StopAsync(new CancellationToken(canceled: true));
        await _services.DisposeAsync();
        await _connection.DisposeAsync();
    }

    private sealed class Handler(Func<WorkMessage, CancellationToken, ValueTask<WorkVerdict>> handle) : IWorkHandler
    {
        public ValueTask<WorkVerdict> HandleAsync(WorkMessage message, CancellationToken cancellationToken) =>
            handle(message, cancellationToken);
    }
}
