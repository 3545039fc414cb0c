namespace Topology.Dlq;

/// <summary>Whom an open letter waits for.</summary>
public enum DeadLetterStatus
{
    /// <summary>The queue's processor.</summary>
    Open,

    /// <summary>A person: its processor is not started for it any more.</summary>
    Parked,
}
