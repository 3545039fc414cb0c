namespace Topology.Dlq;

/// <summary>Where a dead message was taken from. Immutable.</summary>
/// <param name="Stream">The stream.</param>
/// <param name="Sequence">The message's sequence in it.</param>
/// <param name="Consumer">The consumer that failed it.</param>
/// <param name="StoredAt">When the stream stored the message.</param>
/// <param name="MessageId">The publisher's own message id, when it sent one.</param>
public sealed record DeadLetterSource(string Stream, ulong Sequence, string Consumer, DateTimeOffset StoredAt, string? MessageId = null);
