namespace Topology.Idempotency;

/// <summary>How one call, or the calls of one endpoint, use their keys.</summary>
public sealed record IdempotencyPolicy
{
    /// <summary>Gets the policy that takes everything from <see cref="IdempotencyOptions"/>.</summary>
    public static IdempotencyPolicy Default { get; } = new();

    /// <summary>Gets how long the record lives after each write.</summary>
    /// <value>The default is <see langword="null"/>: <see cref="IdempotencyOptions.Ttl"/>.</value>
    /// <remarks>For a key that carries a time it must be 2 · tolerance + 60 seconds or more, and more than the lease.</remarks>
    public TimeSpan? Ttl { get; init; }

    /// <summary>Gets how long the claim is held without being renewed; running work renews it at a third of this.</summary>
    /// <value>The default is <see langword="null"/>: <see cref="IdempotencyOptions.Lease"/>.</value>
    public TimeSpan? Lease { get; init; }

    /// <summary>Gets what becomes of work whose owner let the lease run out.</summary>
    /// <value>The default is <see cref="AbandonedClaim.TakeOver"/>.</value>
    public AbandonedClaim OnAbandoned { get; init; }

    /// <summary>Gets how long a caller waits for the result of work that is in progress elsewhere.</summary>
    /// <value>The default is zero: it is told at once.</value>
    public TimeSpan WaitForResult { get; init; }

    /// <summary>Gets whether the work runs without any protection when the store is down.</summary>
    /// <value>The default is <see langword="false"/>: <see cref="IdempotencyStoreException"/>.</value>
    public bool RunWhenStoreIsDown { get; init; }

    /// <summary>Gets the largest result that is stored, in bytes; a larger one leaves a tombstone.</summary>
    /// <value>The default is 256 KiB.</value>
    public int MaxResultBytes { get; init; } = 256 * 1024;

    /// <summary>
    /// Gets what finds out whether work happened whose outcome is unknown. It is asked when a caller meets such a record; its answer
    /// settles the record.
    /// </summary>
    /// <value>The default is <see langword="null"/>: the record stays until <see cref="IIdempotencyStore.ResolveAsync"/> settles it.</value>
    public Func<IdempotencyRecord, CancellationToken, ValueTask<Resolution>>? Reconcile { get; init; }
}
