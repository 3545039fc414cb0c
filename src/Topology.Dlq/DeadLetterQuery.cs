namespace Topology.Dlq;

/// <summary>Selects letters of one queue. What is <see langword="null"/> does not restrict. Immutable.</summary>
/// <param name="Queue">The logical name of the queue.</param>
public sealed record DeadLetterQuery(string Queue)
{
    /// <summary>Gets the letter's id.</summary>
    public string? Id { get; init; }

    /// <summary>Gets the reason.</summary>
    public string? Reason { get; init; }

    /// <summary>Gets the full type name of the root cause.</summary>
    public string? ErrorType { get; init; }

    /// <summary>Gets the tenant.</summary>
    public string? Tenant { get; init; }

    /// <summary>Gets the fingerprint.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>Gets the workflow id.</summary>
    public string? WorkflowId { get; init; }

    /// <summary>Gets the status.</summary>
    public DeadLetterStatus? Status { get; init; }

    /// <summary>Gets the earliest last failure, included.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Gets the last failure before which letters are selected, excluded.</summary>
    public DateTimeOffset? Until { get; init; }

    internal bool Selects(DeadLetter letter) =>
        (Id is null || Id == letter.Id)
        && (Reason is null || Reason == letter.Reason)
        && (ErrorType is null || ErrorType == letter.ErrorType)
        && (Tenant is null || Tenant == letter.Tenant)
        && (Fingerprint is null || Fingerprint == letter.Fingerprint)
        && (WorkflowId is null || WorkflowId == letter.WorkflowId)
        && (Status is null || Status == letter.Status)
        && (From is null || letter.LastFailedAt >= From)
        && (Until is null || letter.LastFailedAt < Until);
}
