namespace Topology.Dlq;

/// <summary>What became of a published letter. Immutable.</summary>
/// <param name="Queue">The logical name of the queue.</param>
/// <param name="Id">The letter's id.</param>
/// <param name="Outcome">Whether this call stored it.</param>
public readonly record struct DeadLetterReceipt(string Queue, string Id, DeadLetterOutcome Outcome)
{
    /// <summary>Gets whether the letter had been published before. Nothing was stored by this call.</summary>
    public bool AlreadyPresent => Outcome != DeadLetterOutcome.Stored;
}
