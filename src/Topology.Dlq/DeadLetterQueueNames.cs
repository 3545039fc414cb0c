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
}
