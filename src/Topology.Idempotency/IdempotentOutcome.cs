namespace Topology.Idempotency;

/// <summary>How a call under a key ended, and its result.</summary>
/// <typeparam name="T">The type of the result.</typeparam>
public readonly record struct IdempotentOutcome<T>
{
    /// <summary>Gets how the call ended.</summary>
    public required IdempotentStatus Status { get; init; }

    /// <summary>
    /// Gets the result when the status is <see cref="IdempotentStatus.Executed"/>, <see cref="IdempotentStatus.Replayed"/> or
    /// <see cref="IdempotentStatus.LeaseLost"/>.
    /// </summary>
    public T? Value { get; init; }

    /// <summary>Gets the fence under which the work ran here; 0 when it did not.</summary>
    public long Fence { get; init; }

    /// <summary>Gets how long to wait before asking again when the work is in progress elsewhere.</summary>
    public TimeSpan RetryAfter { get; init; }

    /// <summary>Gets whether the record was brought up to date after the work ran here.</summary>
    /// <value>
    /// <see langword="false"/> when the store was away: the lease runs out and the next caller meets an abandoned claim.
    /// </value>
    public bool IsSettled { get; init; }

    /// <summary>Gets whether there is a result.</summary>
    public bool HasValue => Status is IdempotentStatus.Executed or IdempotentStatus.Replayed;
}
