namespace Topology.Idempotency;

/// <summary>What a store knows about a key.</summary>
public enum RecordState
{
    /// <summary>Somebody holds the claim, or held it and let the lease lapse.</summary>
    InProgress,

    /// <summary>The work is done and its result is stored.</summary>
    Completed,

    /// <summary>The work is done; its result was not kept.</summary>
    Tombstone,

    /// <summary>The owner gave the claim back; the next claim runs the work.</summary>
    Released,

    /// <summary>Nobody may ever run the work.</summary>
    Sealed,

    /// <summary>The work may or may not have happened; somebody has to find out.</summary>
    Indeterminate,
}
