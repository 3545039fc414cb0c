namespace Topology.Dlq;

/// <summary>What publishing a letter came to.</summary>
public enum DeadLetterOutcome
{
    /// <summary>The letter is in the queue because of this call.</summary>
    Stored,

    /// <summary>The letter had been published before; it is in the queue, or has aged out of it.</summary>
    AlreadyPresent,

    /// <summary>The letter was closed before; it is not opened again.</summary>
    AlreadyClosed,
}
