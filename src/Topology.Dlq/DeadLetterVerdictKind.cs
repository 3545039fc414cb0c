namespace Topology.Dlq;

/// <summary>The kinds of <see cref="DeadLetterVerdict"/>.</summary>
public enum DeadLetterVerdictKind
{
    /// <summary>The letter stays in the queue for a person.</summary>
    Park,

    /// <summary>The letter is closed: nothing is left to do.</summary>
    Done,

    /// <summary>The processor is started again later.</summary>
    RetryAfter,

    /// <summary>The letter is closed although nothing was done for it.</summary>
    Discard,
}
