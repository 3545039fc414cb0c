using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Topology.Saga.Internal;

/// <summary>Replaces the history of sagas that ended long ago by a tombstone, and removes tombstones that no message can outlive.</summary>
/// <remarks>Every process does so for the definitions it knows; the journal's compare-and-set makes doing it twice harmless.</remarks>
internal sealed class SagaRetention(SagaRuntime runtime, ILogger<SagaRetention> logger) : BackgroundService
{
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        var now = await runtime.Journal.GetTimeAsync(cancellationToken).ConfigureAwait(false);
        foreach (var definition in runtime.Registry.Definitions.Values)
        {
            await foreach (var (id, last) in runtime.Journal.ListAsync(definition.Name, cancellationToken).ConfigureAwait(false))
            {
                var age = now - last.At;
                switch (last.Entry.Events[^1])
                {
                    case SagaEvent.Tombstone when age >= runtime.Options.TombstoneAge:
                        // What a crash after the compaction left behind goes first: nothing points to it afterwards.
                        await ForgetAsync(id, cancellationToken).ConfigureAwait(false);
                        await runtime.Journal.DeleteAsync(id, last.Version, cancellationToken).ConfigureAwait(false);
                        break;
                    case SagaEvent.Settled { Status: SagaStatus.Completed or SagaStatus.Compensated or SagaStatus.Cancelled } when age >= runtime.Options.HistoryAge:
                        await BuryAsync(definition, id, last.Version, cancellationToken).ConfigureAwait(false);
                        break;
                    default:
                        break;
                }
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (runtime.Registry.Definitions.Count > 0)
        {
            // What is old enough is looked for at the period that the options set; the first look is not at the start.
            await Task.Delay(runtime.Options.RetentionPeriod, runtime.Time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            try
            {
                await SweepAsync(stoppingToken).ConfigureAwait(false);
            }
            catch (Exception error) when (!stoppingToken.IsCancellationRequested)
            {
                Log.SweepFailed(logger, error);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async ValueTask BuryAsync(SagaDefinition definition, SagaId id, long version, CancellationToken cancellationToken)
    {
        var state = await SagaReader.ReadAsync(runtime.Journal, definition, id, cancellationToken).ConfigureAwait(false);
        if (state.Version != version)
        {
            return;
        }

        var tombstone = new SagaEntry(Guid.NewGuid(), [state.Bury()]);
        var result = await runtime.Journal.CompactAsync(id, version, tombstone, cancellationToken).ConfigureAwait(false);
        if (result.Stored)
        {
            await ForgetAsync(id, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken)
    {
        await runtime.Inbox.ForgetAsync(id, cancellationToken).ConfigureAwait(false);
        await runtime.Dispatcher.ForgetAsync(id, cancellationToken).ConfigureAwait(false);
        await runtime.Guard.ForgetAsync(id, cancellationToken).ConfigureAwait(false);
    }
}
