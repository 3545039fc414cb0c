using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Topology.Resilience.Internal;

/// <summary>Refuses to start a process outside Development that nobody told where to keep its state.</summary>
internal sealed class StoreGuard(IHostEnvironment environment, ILogger<StoreGuard> logger, TopologyStore? store = null) : IHostedLifecycleService
{
    public Task StartingAsync(CancellationToken cancellationToken)
    {
        if (store is not null)
        {
            Log.StoreNamed(logger, store.Name);
            return Task.CompletedTask;
        }

        if (!environment.IsDevelopment())
        {
            throw new InvalidOperationException(
                $"""
                No store is named, and this is the environment '{environment.EnvironmentName}'. State that ends with the process must be asked for. Add to Program.cs:
                    builder.Services.AddTopologyResilience(builder.Configuration)
                        .UseInMemory();   // keys, sagas and dead letters end with the process
                """);
        }

        Log.StoreFallback(logger);
        return Task.CompletedTask;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
