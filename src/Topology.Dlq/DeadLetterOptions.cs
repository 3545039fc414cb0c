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
}
