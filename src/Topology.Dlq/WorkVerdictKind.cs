namespace Topology.Dlq;

/// <summary>The kinds of <see cref="WorkVerdict"/>.</summary>
public enum WorkVerdictKind
{
    /// <summary>The message is tried again later, or dead-lettered after its last try.</summary>
    Retry,

    /// <summary>The message is done.</summary>
    Done,

    /// <summary>The message becomes a letter at once.</summary>
    DeadLetter,

    /// <summary>The message is dropped.</summary>
    Discard,
}
