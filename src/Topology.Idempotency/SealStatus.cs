namespace Topology.Idempotency;

/// <summary>How a store answers a seal.</summary>
public enum SealStatus
{
    /// <summary>The key is sealed: no claim and no completion is accepted any more.</summary>
    Sealed,

    /// <summary>The work was done before; its result comes with the answer.</summary>
    Completed,

    /// <summary>The work was done before; its result was not kept.</summary>
    Tombstone,

    /// <summary>The record cannot be read.</summary>
    Corrupt,
}
