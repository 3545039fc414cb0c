namespace Topology.Dlq;

/// <summary>The queues that exist without any configuration, with the specification's names.</summary>
public static class DeadLetterQueueNames
{
    /// <summary>Run messages whose handler kept failing; 7 days.</summary>
    public const string AgentRun = "agent.run.dlq";

    /// <summary>Tool calls that kept failing; 3 days.</summary>
    public const string ToolCall = "tool.call.dlq";

    /// <summary>Compensations that used up their tries, and stuck sagas; 30 days.</summary>
    public const string WorkflowCompensation = "workflow.compensation.dlq";

    /// <summary>Returns the name a queue has on a server, where dots are not allowed: <c>AGENT_RUN_DLQ</c> for <c>agent.run.dlq</c>.</summary>
    /// <remarks>Upper case, dots become underscores. Two queues that would meet in one name are refused at start.</remarks>
    /// <param name="queue">The logical name.</param>
    /// <exception cref="ArgumentNullException"><paramref name="queue"/> is <see langword="null"/>.</exception>
    public static string ToPhysical(string queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        return queue.Replace('.', '_').ToUpperInvariant();
    }

    /// <summary>Returns the name of the stream that holds a queue's marks.</summary>
    /// <param name="queue">The logical name of the queue.</param>
    /// <exception cref="ArgumentNullException"><paramref name="queue"/> is <see langword="null"/>.</exception>
    public static string ToPhysicalMarks(string queue) => ToPhysical(queue) + "_MARKS";
}
