namespace Topology.Idempotency.Internal;

/// <summary>Tag values; written out because the name of an enum member is no contract.</summary>
internal static class Names
{
    public static string Of(IdempotentStatus status) => status switch
    {
        IdempotentStatus.Executed => "executed",
        IdempotentStatus.Replayed => "replayed",
        IdempotentStatus.InProgress => "in_progress",
        IdempotentStatus.Mismatch => "mismatch",
        IdempotentStatus.ResultNotKept => "result_not_kept",
        IdempotentStatus.Indeterminate => "indeterminate",
        IdempotentStatus.Sealed => "sealed",
        IdempotentStatus.OutOfTolerance => "out_of_tolerance",
        IdempotentStatus.Corrupt => "corrupt",
        IdempotentStatus.LeaseLost => "lease_lost",
        _ => "unknown",
    };

    public static string Of(SealStatus status) => status switch
    {
        SealStatus.Sealed => "sealed",
        SealStatus.Completed => "completed",
        SealStatus.Tombstone => "tombstone",
        SealStatus.Corrupt => "corrupt",
        _ => "unknown",
    };
}
