namespace Topology.Idempotency;

/// <summary>How a call under a key ended.</summary>
public enum IdempotentStatus
{
    /// <summary>The work ran here.</summary>
    Executed,

    /// <summary>The work ran before; this is its stored result.</summary>
    Replayed,

    /// <summary>Another caller runs the work; ask again after <see cref="IdempotentOutcome{T}.RetryAfter"/>.</summary>
    InProgress,

    /// <summary>The key was used for another request.</summary>
    Mismatch,

    /// <summary>The work ran before; its result was not kept.</summary>
    ResultNotKept,

    /// <summary>The work may or may not have happened; it is not run again.</summary>
    Indeterminate,

    /// <summary>The key is sealed; the work is never run.</summary>
    Sealed,

    /// <summary>The time inside the key is too far from the store's time to start work.</summary>
    OutOfTolerance,

    /// <summary>The record cannot be read or does not match its hash; the work is not run again.</summary>
    Corrupt,

    /// <summary>The work ran here, but the claim was lost meanwhile and its result was refused; another caller's result counts.</summary>
    LeaseLost,
}
