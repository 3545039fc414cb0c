using Microsoft.Extensions.Logging;

namespace Topology.Saga.Internal;

/// <summary>The one writer of a saga's journal: appends, and finds out what became of an append whose answer was lost.</summary>
internal sealed class SagaWriter(
    ISagaJournal journal, IEnumerable<ISagaObserver> observers, TimeProvider time, ILogger<SagaWriter> logger)
{
    private const int MaxTries = 3;
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Appends and applies, or returns false when another writer was first.</summary>
    /// <exception cref="SagaFencedException">The entry was stored, and another owner has written since.</exception>
    public async ValueTask<bool> TryAppendAsync(SagaState state, SagaEvent[] events, CancellationToken cancellationToken)
    {
        var entry = new SagaEntry(Guid.NewGuid(), events);
        var version = await AppendAsync(state, entry, cancellationToken).ConfigureAwait(false);
        if (version is null)
        {
            return false;
        }

        state.Apply(version.Value, entry);
        foreach (var observer in observers)
        {
            try
            {
                await observer.OnAppendedAsync(state.Id, version.Value, entry, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception error) when (!cancellationToken.IsCancellationRequested)
            {
                Log.ObserverFailed(logger, error, state.Id);
            }
        }

        return true;
    }

    private async ValueTask<long?> AppendAsync(SagaState state, SagaEntry entry, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                // Not under the caller's token: an append that nobody waits for is one whose outcome nobody knows.
                var result = await journal.AppendAsync(state.Id, state.Version, entry, CancellationToken.None).ConfigureAwait(false);
                return result.Stored ? result.Version : await ResolveAsync(state, entry).ConfigureAwait(false);
            }
            catch (SagaStoreException error) when (attempt < MaxTries)
            {
                // The entry may be stored. Appending the very same one again tells: it is stored now, or the conflict shows it.
                Log.AppendUnanswered(logger, error, state.Id, attempt);
                await Task.Delay(_pause, time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask<long?> ResolveAsync(SagaState state, SagaEntry entry)
    {
        var stored = await journal.ReadAsync(state.Id, state.Version, CancellationToken.None).ConfigureAwait(false);
        var own = -1;
        for (var i = 0; i < stored.Count && own < 0; i++)
        {
            own = stored[i].Entry.Writer == entry.Writer ? i : -1;
        }

        return own < 0 ? null : own == stored.Count - 1 ? stored[own].Version : throw new SagaFencedException(state.Id);
    }
}
