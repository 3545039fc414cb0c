using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace Topology.Saga.Internal;

/// <summary>The one writer of a saga's journal: appends, and finds out what became of an append whose answer was lost.</summary>
internal sealed class SagaWriter(
    ISagaJournal journal, IEnumerable<ISagaObserver> observers, TimeProvider time, ILogger<SagaWriter> logger)
{
    private const int MaxTries = 3;
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(200);

    private readonly ISagaObserver[] _observers = [.. observers];
    private readonly byte[] _process = RandomNumberGenerator.GetBytes(8);
    private long _appends;

    /// <summary>Appends and applies, or returns false when another writer was first.</summary>
    /// <exception cref="SagaFencedException">The entry was stored, and another owner has written since.</exception>
    public async ValueTask<bool> TryAppendAsync(SagaState state, SagaEvent[] events, CancellationToken cancellationToken)
    {
        var entry = new SagaEntry(NextId(), events);
        SagaAppendResult? stored;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                // Not under the caller's token: an append that nobody waits for is one whose outcome nobody knows.
                stored = await journal.AppendAsync(state.Id, state.Version, entry, CancellationToken.None).ConfigureAwait(false);
                stored = stored.Value.Stored ? stored : await ResolveAsync(state, entry).ConfigureAwait(false);
                break;
            }
            catch (SagaStoreException error) when (attempt < MaxTries)
            {
                // The entry may be stored. Appending the very same one again tells: it is stored now, or the conflict shows it.
                Log.AppendUnanswered(logger, error, state.Id, attempt);
                await Task.Delay(_pause, time, cancellationToken).ConfigureAwait(false);
            }
        }

        if (stored is not { } result)
        {
            return false;
        }

        state.Apply(result.Version, result.At, entry);
        if (_observers.Length > 0)
        {
            await TellAsync(state, cancellationToken).ConfigureAwait(false);
        }

        return true;
    }

    /// <summary>Tells the observers of the saga's last entry.</summary>
    public async ValueTask TellAsync(SagaState state, CancellationToken cancellationToken)
    {
        foreach (var observer in _observers)
        {
            try
            {
                await observer.OnAppendedAsync(state.Id, state.Version, state.LastEntry!, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception error) when (!cancellationToken.IsCancellationRequested)
            {
                Log.ObserverFailed(logger, error, state.Id);
            }
        }
    }

    /// <summary>Different for every append of every process: a random half, and a number. A random id each time is a call to the system.</summary>
    private Guid NextId()
    {
        Span<byte> id = stackalloc byte[16];
        BinaryPrimitives.WriteInt64LittleEndian(id, Interlocked.Increment(ref _appends));
        _process.CopyTo(id[8..]);
        return new Guid(id);
    }

    private async ValueTask<SagaAppendResult?> ResolveAsync(SagaState state, SagaEntry entry)
    {
        var stored = await journal.ReadAsync(state.Id, state.Version, CancellationToken.None).ConfigureAwait(false);
        var own = -1;
        for (var i = 0; i < stored.Count && own < 0; i++)
        {
            own = stored[i].Entry.Writer == entry.Writer ? i : -1;
        }

        if (own >= 0 && own < stored.Count - 1)
        {
            throw new SagaFencedException(state.Id);
        }

        return own < 0 ? null : new SagaAppendResult(true, stored[own].Version, stored[own].At);
    }
}
