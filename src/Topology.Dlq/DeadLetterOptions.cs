namespace Topology.Dlq;

/// <summary>Which dead-letter queues exist. Each is the <see cref="DeadLetterQueueOptions"/> of that name.</summary>
public sealed class DeadLetterOptions
{
    /// <summary>Gets the logical names of the queues.</summary>
    /// <value>The default holds the three names of <see cref="DeadLetterQueueNames"/>.</value>
    public ISet<string> QueueNames { get; } = new HashSet<string>(StringComparer.Ordinal)
    {
        DeadLetterQueueNames.AgentRun, DeadLetterQueueNames.ToolCall, DeadLetterQueueNames.WorkflowCompensation,
    };

    /// <summary>Gets or sets whether this process runs processors. Without, it only publishes, looks and redrives.</summary>
    /// <value>The default is <see langword="true"/>: every queue with a processor, and every queue without a consumer as alert-only.</value>
    /// <remarks>Processes that share a queue share its letters: give them the same processors and alert sinks, or turn this off.</remarks>
    public bool ProcessLetters { get; set; } = true;

    /// <summary>Gets or sets how often each queue is counted for <c>queue_depth</c>.</summary>
    /// <value>The default is 15 seconds; the range is 1 second to 1 hour.</value>
    public TimeSpan SampleInterval { get; set; } = TimeSpan.FromSeconds(15);
}
