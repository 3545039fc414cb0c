namespace Topology.Idempotency;

/// <summary>A store's answer to a seal.</summary>
/// <param name="Status">What the store decided.</param>
/// <param name="Result">The stored bytes when the work was done before.</param>
public readonly record struct SealResult(SealStatus Status, ReadOnlyMemory<byte> Result = default);
