namespace Topology.Saga;

/// <summary>A saga as it was when its journal was read. Immutable.</summary>
/// <param name="Id">The saga.</param>
/// <param name="Status">Where it is.</param>
/// <param name="Tenant">Whom it is run for; <c>-</c> when nobody was named.</param>
/// <param name="Failure">Why it went backward or got stuck; <see langword="null"/> as long as nothing failed for good.</param>
/// <param name="Steps">Its steps, in the order in which they run; empty once only the tombstone of an ended saga is left.</param>
/// <param name="Compensated">The steps that were undone, in the order in which that happened; empty likewise.</param>
/// <param name="Reason">Why it is parked or cancelled; <see langword="null"/> otherwise.</param>
/// <param name="Version">The version of the journal; 0 while no worker has claimed the saga.</param>
public sealed record SagaSnapshot(
    SagaId Id,
    SagaStatus Status,
    string Tenant,
    SagaFailure? Failure,
    IReadOnlyList<SagaStepSnapshot> Steps,
    IReadOnlyList<string> Compensated,
    string? Reason,
    long Version)
{
    /// <summary>Gets whether the saga has ended or waits for an operator: nothing happens by itself any more.</summary>
    public bool IsSettled => Status is not (SagaStatus.Running or SagaStatus.Waiting or SagaStatus.Compensating);
}
