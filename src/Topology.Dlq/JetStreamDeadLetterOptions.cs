namespace Topology.Dlq;

/// <summary>How queues are kept on NATS JetStream.</summary>
public sealed class JetStreamDeadLetterOptions
{
    /// <summary>Gets or sets what is done about streams and consumers when a queue is first used.</summary>
    /// <value>The default is <see cref="DeadLetterProvisioning.Verify"/>.</value>
    public DeadLetterProvisioning Provision { get; set; }

    /// <summary>Gets or sets on how many servers of a cluster streams are kept.</summary>
    /// <value>The default is 1; the range is 1 to 5.</value>
    public int Replicas { get; set; } = 1;

    /// <summary>Gets or sets the bytes a queue's marks may take, a reserve of their own beside the queue's <c>max_bytes</c>.</summary>
    /// <value>The default is 256 MiB, about 500,000 marks; at least 1 MiB.</value>
    public long MaxMarkBytes { get; set; } = 256L << 20;

    /// <summary>Gets or sets how long marks are kept.</summary>
    /// <value>The default is <see langword="null"/>: the queue's <c>max_age</c> and a day. Otherwise at least that.</value>
    /// <remarks>It must also exceed, by a day, the age of every stream whose messages can end up in the queue.</remarks>
    public TimeSpan? MarkMaxAge { get; set; }

    /// <summary>Gets or sets whether advisories about messages that consumers gave up on are kept, for <see cref="IStrandedMessages"/>.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    /// <remarks>They are captured into the stream <c>TOPOLOGY_DLQ_ADVISORIES</c>, for the whole account: 16 MiB, the newest stay, 30 days. Best
    /// effort: a server before 2.10.22 sends one only when the consumer is asked for more.</remarks>
    public bool CaptureAdvisories { get; set; }
}
