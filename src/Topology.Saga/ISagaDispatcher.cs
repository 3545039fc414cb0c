namespace Topology.Saga;

/// <summary>Hands sagas that have something to do to workers, one item to one worker at a time.</summary>
/// <remarks>
/// Safe for concurrent use. A lease is no fence: an owner that lost it may still run, and is stopped by the journal's compare-and-set.
/// </remarks>
public interface ISagaDispatcher
{
    /// <summary>Adds the item that starts a saga, unless there was one for that saga before. Durable when it returns.</summary>
    /// <param name="start">The saga, and what it is started with.</param>
    /// <param name="cancellationToken">Ends the wait; the item may be stored all the same.</param>
    /// <returns><see langword="false"/> when the saga was started before.</returns>
    ValueTask<bool> TryStartAsync(SagaStart start, CancellationToken cancellationToken);

    /// <summary>Adds an item that makes a worker look at the saga. Call it after the inbox entry it is about is stored.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="cancellationToken">Ends the wait; the item may be stored all the same.</param>
    ValueTask WakeAsync(SagaId id, CancellationToken cancellationToken);

    /// <summary>Adds an item that is handed out no earlier than after a delay, by the store's clock.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="stepId">The step whose time it is.</param>
    /// <param name="delay">The delay.</param>
    /// <param name="cancellationToken">Ends the wait; the item may be stored all the same.</param>
    ValueTask SetTimerAsync(SagaId id, string stepId, TimeSpan delay, CancellationToken cancellationToken);

    /// <summary>Returns what a saga was started with, also while no worker has claimed it, or <see langword="null"/>.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask<SagaStart?> FindStartAsync(SagaId id, CancellationToken cancellationToken);

    /// <summary>Hands out items as they come, until cancelled.</summary>
    /// <param name="definitions">The names of the definitions the worker knows.</param>
    /// <param name="free">Asks how many items the worker can take at once now. No more are taken from the store, where others find them.</param>
    /// <param name="beat">
    /// Call it whenever the waiting comes round, at least every 10 seconds, also while the store is away: a minute of silence between two
    /// items is taken for a hang and fails the liveness probe. Call it where the loop comes round, not from a timer beside it.
    /// </param>
    /// <param name="cancellationToken">Ends the sequence without an exception.</param>
    IAsyncEnumerable<ISagaLease> LeaseAsync(IReadOnlySet<string> definitions, Func<int> free, Action beat, CancellationToken cancellationToken);

    /// <summary>Removes what is kept of a saga's start after the saga has ended; the journal keeps its tombstone.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="cancellationToken">Ends the wait; it may be removed all the same.</param>
    ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken);
}
