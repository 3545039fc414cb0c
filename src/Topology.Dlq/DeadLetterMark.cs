namespace Topology.Dlq;

/// <summary>What is known about a letter besides the letter itself: one small value per letter id, written by compare-and-set. Immutable.</summary>
/// <remarks>It outlives the letter, and is what keeps a message that comes back late from becoming a second one.</remarks>
public sealed record DeadLetterMark
{
    /// <summary>Gets the logical name of the queue.</summary>
    public required string Queue { get; init; }

    /// <summary>Gets the letter's id.</summary>
    public required string Id { get; init; }

    /// <summary>Gets the provider's revision of this value; 0 when it was never written.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public ulong Revision { get; init; }

    /// <summary>Gets how often the handler of the original message was started, as far as it was written down.</summary>
    public int Starts { get; init; }

    /// <summary>Gets how many of those starts ended with a failure. Fewer than <see cref="Starts"/>: the last one ended with no verdict.</summary>
    public int Failures { get; init; }

    /// <summary>Gets the failed tries of the original message, oldest first; at most 10.</summary>
    public IReadOnlyList<DeadLetterAttempt> History { get; init; } = [];

    /// <summary>Gets whether the original message was replaced by a copy that waits for its next try.</summary>
    public bool SetAside { get; init; }

    /// <summary>Gets whether the letter was stored in the queue.</summary>
    public bool Transferred { get; init; }

    /// <summary>Gets how often the queue's processor was started for the letter.</summary>
    public int ProcessorStarts { get; init; }

    /// <summary>Gets the processor's steps that are done.</summary>
    public IReadOnlyList<string> Steps { get; init; } = [];

    /// <summary>Gets why the letter is parked, or <see langword="null"/> when it is not.</summary>
    public string? Parked { get; init; }

    /// <summary>Gets the number of the redrive that was begun; 0 when none was.</summary>
    public int RedriveStarted { get; init; }

    /// <summary>Gets the target's position before that redrive was published.</summary>
    public ulong RedrivePosition { get; init; }

    /// <summary>Gets the number of the redrive that the target has taken; 0 when none has.</summary>
    public int RedriveDone { get; init; }

    /// <summary>Gets why the letter was closed, or <see langword="null"/> when it is open.</summary>
    public string? Closed { get; init; }
}
