using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Topology.Health.Internal;

/// <summary>
/// Answers ready with 503 from the first moment of a stop, and keeps the host serving for the drain delay before anything is stopped.
/// </summary>
internal sealed class Drain(HealthBoard board, IHostApplicationLifetime lifetime, IOptions<HealthOptions> options, TimeProvider timeProvider)
    : IHostedLifecycleService
{
    public Task StartingAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStopping.Register(board.Drain);
        return Task.CompletedTask;
    }

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        // A direct StopAsync reaches this before ApplicationStopping fires; loops must stop pulling before the delay, not after.
        lifetime.StopApplication();
        board.Drain();
        // Work is served on until whoever sends it has seen the 503; the host's limit for stopping cuts the wait short.
        await Task.Delay(options.Value.DrainDelay, timeProvider, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
