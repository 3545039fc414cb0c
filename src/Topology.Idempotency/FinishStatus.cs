namespace Topology.Idempotency;

/// <summary>How a store answers an owner's write.</summary>
public enum FinishStatus
{
    /// <summary>The write is stored.</summary>
    Done,

    /// <summary>The record is gone; nothing was written.</summary>
    Lost,

    /// <summary>The record belongs to somebody else or is final; nothing was written.</summary>
    Fenced,
}
