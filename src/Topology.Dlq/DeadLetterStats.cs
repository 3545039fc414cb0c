namespace Topology.Dlq;

/// <summary>The state of a queue. Immutable.</summary>
/// <param name="Queue">The logical name.</param>
/// <param name="Open">Letters that wait for the processor.</param>
/// <param name="Parked">Letters that wait for a person.</param>
/// <param name="Bytes">What the queue holds, in bytes.</param>
/// <param name="OldestAt">When the oldest letter was stored.</param>
/// <param name="ByReason">Letters per reason.</param>
public sealed record DeadLetterStats(
    string Queue,
    int Open,
    int Parked,
    long Bytes,
    DateTimeOffset? OldestAt,
    IReadOnlyDictionary<string, int> ByReason);
