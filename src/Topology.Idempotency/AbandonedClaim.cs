namespace Topology.Idempotency;

/// <summary>What becomes of a claim whose owner let the lease run out.</summary>
public enum AbandonedClaim
{
    /// <summary>The next caller takes over and runs the work again: at least once.</summary>
    TakeOver,

    /// <summary>Nobody runs the work again until somebody has found out what happened: at most once.</summary>
    Quarantine,
}
