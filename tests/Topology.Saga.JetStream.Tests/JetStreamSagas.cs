using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;

namespace Topology.Saga.JetStream.Tests;

/// <summary>The store of one process: its own objects over a connection, on streams that may be shared.</summary>
internal sealed class JetStreamSagas : IAsyncDisposable
{
    private readonly ServiceProvider _provider;

    public JetStreamSagas(INatsConnection connection, string prefix, Action<JetStreamSagaOptions>? configure = null)
    {
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.None)).AddSingleton(connection);
        Add(services, prefix, configure);
        _provider = services.BuildServiceProvider();
    }

    public ISagaJournal Journal => Get<ISagaJournal>();

    public ISagaInbox Inbox => Get<ISagaInbox>();

    public ISagaDispatcher Dispatcher => Get<ISagaDispatcher>();

    public static string NewPrefix() => $"t{Guid.NewGuid():N}";

    public static void Add(IServiceCollection services, string prefix, Action<JetStreamSagaOptions>? configure = null) =>
        services.AddJetStreamSagaStore(options =>
        {
            options.Prefix = prefix;
            options.Provision = SagaProvisioning.Create;
            (options.MaxLogBytes, options.MaxItemBytes, options.MaxTimerBytes) = (32 << 20, 32 << 20, 32 << 20);
            configure?.Invoke(options);
        });

    public T Get<T>()
        where T : notnull => _provider.GetRequiredService<T>();

    // The connection is the test's.
    public ValueTask DisposeAsync() => _provider.DisposeAsync();
}
