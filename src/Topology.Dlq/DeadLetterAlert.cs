namespace Topology.Dlq;

/// <summary>What people are told about a letter. Holds no body. Immutable.</summary>
/// <param name="Queue">The logical name of the queue.</param>
/// <param name="Id">The letter's id.</param>
/// <param name="Reason">Why the message died.</param>
/// <param name="Subject">The subject of the message that died.</param>
/// <param name="Tenant">The tenant.</param>
/// <param name="WorkflowId">The workflow.</param>
/// <param name="ErrorType">The type of the root cause.</param>
/// <param name="ErrorMessage">The message of the root cause.</param>
/// <param name="FailedAt">When it failed last.</param>
public sealed record DeadLetterAlert(
    string Queue,
    string Id,
    string Reason,
    string Subject,
    string Tenant,
    string? WorkflowId,
    string? ErrorType,
    string? ErrorMessage,
    DateTimeOffset FailedAt);
