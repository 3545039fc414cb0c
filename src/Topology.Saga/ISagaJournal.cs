namespace Topology.Saga;

/// <summary>Keeps the events of sagas. The compare-and-set of <see cref="AppendAsync"/> is the only fence between two owners.</summary>
/// <remarks>Safe for concurrent use. A store that cannot be reached throws <see cref="SagaStoreException"/>.</remarks>
public interface ISagaJournal
{
    /// <summary>Appends an entry if the saga is still at the expected version. Durable when it returns.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="expectedVersion">The version the writer knows; 0 for a saga without entries.</param>
    /// <param name="entry">What to write.</param>
    /// <param name="cancellationToken">
    /// Ends the wait. The entry may be stored all the same, as after <see cref="SagaStoreException"/>: the writer finds out by appending
    /// the same entry again, or by reading.
    /// </param>
    ValueTask<SagaAppendResult> AppendAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken);

    /// <summary>Reads the entries after a version, oldest first; empty when there are none. Sees every append that has returned.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="afterVersion">The version to begin after; 0 reads all.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask<IReadOnlyList<SagaStoredEntry>> ReadAsync(SagaId id, long afterVersion, CancellationToken cancellationToken);

    /// <summary>Returns the store's time: the clock of every <see cref="SagaStoredEntry.At"/>.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask<DateTimeOffset> GetTimeAsync(CancellationToken cancellationToken);

    /// <summary>Replaces all entries of a saga by one, if it is still at the expected version: what <see cref="AppendAsync"/> does, and the rest is gone.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="expectedVersion">The version the writer knows.</param>
    /// <param name="entry">What stays. Versions go on growing: no version is ever used twice.</param>
    /// <param name="cancellationToken">Ends the wait; it may be done all the same.</param>
    ValueTask<SagaAppendResult> CompactAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken);

    /// <summary>Removes all entries of a saga, if it is still at the expected version; otherwise nothing. Then its id is as if never used.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="expectedVersion">The version the caller knows.</param>
    /// <param name="cancellationToken">Ends the wait; it may be done all the same.</param>
    ValueTask DeleteAsync(SagaId id, long expectedVersion, CancellationToken cancellationToken);

    /// <summary>Names the sagas of a definition that have entries, each with its latest, in no order. One that begins meanwhile may be missing.</summary>
    /// <param name="definition">The definition's name.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    IAsyncEnumerable<SagaListed> ListAsync(string definition, CancellationToken cancellationToken);
}
