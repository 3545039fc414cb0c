using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Topology.Saga.Internal;

/// <summary>Leases the sagas whose definitions this process has registered, and runs them. Idle when there are none.</summary>
internal sealed class SagaWorker(
    SagaRuntime runtime, SagaBoard board, SagaHeartbeat heartbeat, IOptions<SagaOptions> options, ILogger<SagaWorker> logger,
    IHostApplicationLifetime? lifetime = null) : BackgroundService
{
    private const int LongestPauseAfterFailure = 256;
    private static readonly TimeSpan _pauseAfterFailure = TimeSpan.FromSeconds(1);

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        runtime.Registry.Check();
        return base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (runtime.Registry.Definitions.Count == 0)
        {
            return;
        }

        // The host tells that it stops before it stops its services: no saga is taken from then on, and those in hand go on until the end.
        using var pulling = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, lifetime?.ApplicationStopping ?? CancellationToken.None);
        await PullAsync(pulling.Token, stoppingToken).ConfigureAwait(false);
    }

    private async Task PullAsync(CancellationToken stoppingToken, CancellationToken endingToken)
    {
        var names = runtime.Registry.Definitions.Keys.ToHashSet(StringComparer.Ordinal);
#pragma warning disable CA2000 // It holds no handle, and the last run may still be inside Release when every slot is free again.
        var slots = new SemaphoreSlim(options.Value.MaxConcurrentSagas);
#pragma warning restore CA2000
        while (!stoppingToken.IsCancellationRequested)
        {
            heartbeat.Beat();
            try
            {
                await foreach (var lease in runtime.Dispatcher.LeaseAsync(names, () => slots.CurrentCount, heartbeat.Beat, stoppingToken).ConfigureAwait(false))
                {
                    heartbeat.Rest();
                    await SlotAsync(slots, lease, stoppingToken).ConfigureAwait(false);
                    heartbeat.Beat();
                    _ = RunAsync(lease, slots, endingToken);
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (Exception error)
            {
                Log.WorkerFailed(logger, error);
            }

            // The dispatcher could not hand out items: asked again once a second. The loop itself sees that the host stops.
            await Task.Delay(_pauseAfterFailure, runtime.Time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        // Whatever runs has ended when every slot is free again.
        heartbeat.Rest();
        for (var slot = 0; slot < options.Value.MaxConcurrentSagas; slot++)
        {
            await slots.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    private async Task SlotAsync(SemaphoreSlim slots, ISagaLease lease, CancellationToken stopping)
    {
        try
        {
            await slots.WaitAsync(stopping).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await AbandonAsync(lease, TimeSpan.Zero).ConfigureAwait(false);
            lease.Dispose();
            throw;
        }
    }

    private async Task RunAsync(ISagaLease lease, SemaphoreSlim slots, CancellationToken stopping)
    {
        await Task.Yield();
        using var held = lease;
        using var active = runtime.Metrics.Active(lease.SagaId.Definition);
        board.Begin();
        SagaStatus? ended = null;
        SagaRun? run = null;
        try
        {
            var definition = runtime.Registry.Definition(lease.SagaId.Definition);
            run = new SagaRun(runtime, definition, lease, stopping);
            if (!await run.RunAsync().ConfigureAwait(false))
            {
                await AbandonAsync(lease, _pauseAfterFailure).ConfigureAwait(false);
            }

            ended = run.Settled;
        }
        catch (SagaFencedException)
        {
            runtime.Metrics.Fenced(lease.SagaId.Definition);
            Log.Fenced(logger, lease.SagaId);
        }
        catch (Exception error)
        {
            var stops = stopping.IsCancellationRequested;
            if (!stops)
            {
                Log.RunFailed(logger, error, lease.SagaId);
            }

            // Longer each time: an outage of what its effects need must not use up its take-overs.
            var pause = _pauseAfterFailure * Math.Min(1 << Math.Min(run?.Takeovers ?? 0, 30), LongestPauseAfterFailure);
            await AbandonAsync(lease, stops ? TimeSpan.Zero : pause).ConfigureAwait(false);
        }
        finally
        {
            run?.Dispose();
            board.End(lease.SagaId, ended);
            slots.Release();
        }
    }

    private async Task AbandonAsync(ISagaLease lease, TimeSpan delay)
    {
        try
        {
            await lease.AbandonAsync(delay, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            // Its lease runs out, and then it is handed out again.
            Log.RunFailed(logger, error, lease.SagaId);
        }
    }
}
