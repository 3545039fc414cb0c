namespace Topology.Idempotency;

/// <summary>How a seal ended.</summary>
/// <param name="Status">What the store decided.</param>
/// <param name="Result">The result of the work when it was done before and its result is stored.</param>
public readonly record struct SealOutcome(SealStatus Status, StoredResult? Result = null);
