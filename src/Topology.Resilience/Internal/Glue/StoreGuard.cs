using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Topology.Dlq;
using Topology.Idempotency;
using Topology.Saga;

namespace Topology.Resilience.Internal;

/// <summary>Refuses to start a process that keeps its state in memory unasked, outside Development, or on a server it was not told.</summary>
internal sealed class StoreGuard(TopologyStores stores, IHostEnvironment environment, ILogger<StoreGuard> logger) : IHostedLifecycleService
{
    private static readonly TopologyStore s_application = new("a store of the application", IsNamed: true);

    public Task StartingAsync(CancellationToken cancellationToken)
    {
        var keys = stores.Of<IIdempotencyStore>() ?? s_application;
        var sagas = stores.Of<ISagaJournal>() ?? s_application;
        var letters = stores.Of<IDeadLetterQueueProvider>() ?? s_application;
        foreach (var store in new[] { keys, sagas, letters })
        {
            stores.RequireConnection(store);
        }

        var unnamed = new[] { (keys, "keys"), (sagas, "sagas"), (letters, "dead letters") }
            .Where(pair => !pair.Item1.IsNamed).Select(pair => pair.Item2).ToArray();
        if (unnamed.Length > 0 && !environment.IsDevelopment())
        {
            throw new InvalidOperationException(
                $"""
                No store is named for {string.Join(", ", unnamed)}, and this is the environment '{environment.EnvironmentName}'. State that ends with the process must be asked for. Choose:
                    builder.Services.AddTopologyResilience(builder.Configuration)
                        .UseRedis()       // keys; needs ConnectionStrings:redis, such as "redis:6379"
                        .UseNats()        // sagas and dead letters; needs ConnectionStrings:nats, such as "nats://nats:4222"
                        .UseInMemory()    // what the others do not keep ends with the process
                """);
        }

        Log.StoresNamed(logger, keys.Name, sagas.Name, letters.Name);
        if (unnamed.Length > 0)
        {
            Log.StoreFallback(logger, string.Join(", ", unnamed));
        }

        if (keys.Name == TopologyStore.Memory && sagas.Name != TopologyStore.Memory)
        {
            Log.KeysEndFirst(logger, sagas.Name);
        }

        return Task.CompletedTask;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
