namespace Topology.Dlq;

/// <summary>The consumer through which a queue's processor reads letters. Acknowledgement is always explicit.</summary>
public sealed class DeadLetterConsumerOptions
{
    /// <summary>Gets or sets the durable name on the server.</summary>
    public string Name { get; set; } = "";

    /// <summary>Gets or sets how often the processor is started for one letter before the letter is parked.</summary>
    /// <value>The default is 3; the range is 1 to 100.</value>
    /// <remarks>The specification's <c>max_deliver</c>: it bounds the processor's attempts; the server's own limit stays off.</remarks>
    public int MaxDeliver { get; set; } = 3;

    /// <summary>Gets or sets how long a letter is lent without being renewed. A running processor renews it.</summary>
    /// <value>The default is 30 seconds; the range is 1 second to 1 hour.</value>
    public TimeSpan AckWait { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Gets or sets how long the processor may take with one letter.</summary>
    /// <value>The default is 5 minutes; the range is 1 second to 1 day.</value>
    /// <remarks>At its end the processor's token is cancelled and the try has failed. A processor that ignores the token holds up its queue,
    /// and the check <c>topology.dlq.loops</c> fails.</remarks>
    public TimeSpan MaxProcessingTime { get; set; } = TimeSpan.FromMinutes(5);
}
