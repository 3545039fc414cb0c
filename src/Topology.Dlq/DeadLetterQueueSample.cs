namespace Topology.Dlq;

/// <summary>What a queue held at one moment. Immutable.</summary>
/// <param name="Letters">How many letters.</param>
/// <param name="Bytes">How many bytes they take, as the provider counts.</param>
/// <param name="OldestAt">When the oldest was stored, or <see langword="null"/> when there is none.</param>
public readonly record struct DeadLetterQueueSample(long Letters, long Bytes, DateTimeOffset? OldestAt);
