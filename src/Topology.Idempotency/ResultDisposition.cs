namespace Topology.Idempotency;

/// <summary>What becomes of the record when the work returns.</summary>
public enum ResultDisposition
{
    /// <summary>The result is stored and replayed.</summary>
    Store,

    /// <summary>Nothing happened that counts: the next caller runs the work again.</summary>
    Release,

    /// <summary>The work is done and never runs again, but its result is not kept.</summary>
    Tombstone,

    /// <summary>
    /// It is not known whether the work happened. With <see cref="AbandonedClaim.TakeOver"/> the lease is left to run out; with
    /// <see cref="AbandonedClaim.Quarantine"/> the record becomes indeterminate at once.
    /// </summary>
    Unknown,
}
