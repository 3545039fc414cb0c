namespace Topology.Idempotency;

/// <summary>How a store answers a claim.</summary>
public enum ClaimStatus
{
    /// <summary>The caller owns the key and runs the work.</summary>
    Acquired,

    /// <summary>As <see cref="Acquired"/>, from an owner whose lease ran out: the work may have happened already.</summary>
    TookOver,

    /// <summary>The work is done; its result comes with the answer.</summary>
    Completed,

    /// <summary>The work is done; its result was not kept.</summary>
    Tombstone,

    /// <summary>Another owner runs the work.</summary>
    InProgress,

    /// <summary>The key was used for another request.</summary>
    Mismatch,

    /// <summary>The work may or may not have happened; it is not run again.</summary>
    Indeterminate,

    /// <summary>The key is sealed; the work is never run.</summary>
    Sealed,

    /// <summary>There is no record and the time inside the key is too far from the store's time to start work.</summary>
    OutOfTolerance,

    /// <summary>The record cannot be read; it is not run again.</summary>
    Corrupt,
}
