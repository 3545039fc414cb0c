namespace Topology.Dlq;

/// <summary>One dead-letter queue. Named options; the name is the queue's logical name, such as <c>agent.run.dlq</c>.</summary>
/// <remarks>
/// Letters are kept under limits retention and refused, never evicted, when the queue is full: a full queue leaves the original message
/// where it is.
/// </remarks>
public sealed class DeadLetterQueueOptions
{
    /// <summary>Gets the subjects under which letters arrive. A letter's own subject is <c>{subject}.{tenant}.{id}</c>, of the first.</summary>
    /// <value>Left empty it is the queue's name with <c>.failed</c> in place of <c>.dlq</c>, as in the specification.</value>
    public IList<string> Subjects { get; } = [];

    /// <summary>Gets or sets how long a letter is kept.</summary>
    /// <value>The default is 7 days; the range is 1 minute to 3,650 days.</value>
    public TimeSpan MaxAge { get; set; } = TimeSpan.FromDays(7);

    /// <summary>Gets or sets the bytes the queue may hold.</summary>
    /// <value>The default is 1 GiB; at least 1 MiB.</value>
    public long MaxBytes { get; set; } = 1L << 30;

    /// <summary>Gets or sets where letters are kept.</summary>
    /// <value>The default is <see cref="DeadLetterStorage.File"/>.</value>
    public DeadLetterStorage Storage { get; set; } = DeadLetterStorage.File;

    /// <summary>Gets or sets the consumer of the queue's processor.</summary>
    /// <value>The default is <see langword="null"/>: the queue is alert-only.</value>
    public DeadLetterConsumerOptions? Consumer { get; set; }
}
