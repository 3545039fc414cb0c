namespace Topology.Dlq;

/// <summary>A message that an unguarded consumer gave up on: it lies in its stream and is delivered to nobody. Immutable.</summary>
public sealed record StrandedMessage
{
    /// <summary>Gets the logical name of the queue it belongs in.</summary>
    public required string Queue { get; init; }

    /// <summary>Gets the id its letter has: one for each message and consumer, as for a guarded consumer.</summary>
    public required string LetterId { get; init; }

    /// <summary>Gets the stream.</summary>
    public required string Stream { get; init; }

    /// <summary>Gets the consumer that gave up.</summary>
    public required string Consumer { get; init; }

    /// <summary>Gets the message's sequence in the stream.</summary>
    public ulong Sequence { get; init; }

    /// <summary>Gets the subject.</summary>
    public required string Subject { get; init; }

    /// <summary>Gets when the stream stored the message.</summary>
    public DateTimeOffset StoredAt { get; init; }

    /// <summary>Gets when the consumer gave up, or <see langword="null"/> when no advisory tells.</summary>
    public DateTimeOffset? GivenUpAt { get; init; }

    /// <summary>Gets how often the message was delivered; 0 when no advisory tells.</summary>
    public int Deliveries { get; init; }

    /// <summary>Gets whether the consumer terminated the message, rather than used up its deliveries.</summary>
    /// <remarks>Only under limits retention: work-queue and interest streams remove a terminated message, so there is nothing to find.</remarks>
    public bool Terminated { get; init; }
}
