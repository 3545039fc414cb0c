namespace Topology.Idempotency;

/// <summary>Keeps one record per key and lets exactly one owner at a time write it.</summary>
/// <remarks>
/// Every write is one atomic step decided on the record as it stands; there is no read that a caller could act on. Time is the
/// store's own. Implementations are safe for concurrent use, pass the conformance suite in the tests of this package, and throw
/// <see cref="IdempotencyStoreException"/> when the store cannot be reached or is full.
/// </remarks>
public interface IIdempotencyStore
{
    /// <summary>
    /// Claims a key that is absent, released, or (<see cref="AbandonedClaim.TakeOver"/>) whose lease has run out; otherwise says what
    /// stands in the way. An absent key whose time is out of tolerance is refused and never written.
    /// </summary>
    /// <param name="request">The claim.</param>
    /// <param name="cancellationToken">Cancels the wait for the answer, not the claim.</param>
    ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken = default);

    /// <summary>Stores the result of the work. Sending it again after a lost answer is <see cref="FinishStatus.Done"/> again.</summary>
    /// <param name="claim">The claim.</param>
    /// <param name="result">The bytes, or <see langword="null"/> to leave a tombstone.</param>
    /// <param name="cancellationToken">Cancels the wait for the answer.</param>
    ValueTask<FinishStatus> CompleteAsync(IdempotencyClaim claim, ReadOnlyMemory<byte>? result, CancellationToken cancellationToken = default);

    /// <summary>Gives the claim back. The record stays, so that the fence keeps growing and the request stays bound to the key.</summary>
    /// <param name="claim">The claim.</param>
    /// <param name="outcomeUnknown">
    /// Whether the work may have happened: the record becomes <see cref="RecordState.Indeterminate"/> instead of
    /// <see cref="RecordState.Released"/>.
    /// </param>
    /// <param name="cancellationToken">Cancels the wait for the answer.</param>
    ValueTask<FinishStatus> ReleaseAsync(IdempotencyClaim claim, bool outcomeUnknown, CancellationToken cancellationToken = default);

    /// <summary>Lets the lease run its full length again.</summary>
    /// <param name="claim">The claim.</param>
    /// <param name="cancellationToken">Cancels the wait for the answer.</param>
    ValueTask<FinishStatus> RenewAsync(IdempotencyClaim claim, CancellationToken cancellationToken = default);

    /// <summary>
    /// Makes sure that the work of a key never runs from now on: absent, in progress, released and indeterminate become sealed. Work
    /// that is done gives its result instead.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="ttl">How long the seal holds at least.</param>
    /// <param name="cancellationToken">Cancels the wait for the answer, not the seal.</param>
    ValueTask<SealResult> SealAsync(IdempotencyRecordKey key, TimeSpan ttl, CancellationToken cancellationToken = default);

    /// <summary>Reads a record, after waiting for one that is in progress to settle or its lease to run out.</summary>
    /// <param name="key">The key.</param>
    /// <param name="wait">The longest wait; zero to answer at once.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The record, or <see langword="null"/>.</returns>
    ValueTask<IdempotencyRecord?> PeekAsync(IdempotencyRecordKey key, TimeSpan wait, CancellationToken cancellationToken = default);

    /// <summary>Settles a record whose outcome is unknown.</summary>
    /// <param name="key">The key.</param>
    /// <param name="fence">The fence of the record that was looked into; another fence is refused.</param>
    /// <param name="happened">Whether the work happened; otherwise the record is released.</param>
    /// <param name="result">The bytes of the result, or <see langword="null"/> for a tombstone.</param>
    /// <param name="ttl">How long the record lives from now at least.</param>
    /// <param name="cancellationToken">Cancels the wait for the answer.</param>
    ValueTask<FinishStatus> ResolveAsync(
        IdempotencyRecordKey key, long fence, bool happened, ReadOnlyMemory<byte>? result, TimeSpan ttl, CancellationToken cancellationToken = default);
}
