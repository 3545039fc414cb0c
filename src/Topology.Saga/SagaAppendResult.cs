namespace Topology.Saga;

/// <summary>What became of an append.</summary>
/// <param name="Stored">Whether it was stored; otherwise the saga was no longer at the expected version.</param>
/// <param name="Version">The saga's version after it; meaningless when it was not stored.</param>
/// <param name="At">When it was stored, by the store's clock; meaningless when it was not stored.</param>
public readonly record struct SagaAppendResult(bool Stored, long Version, DateTimeOffset At)
{
    /// <summary>Gets the result of an append that came too late.</summary>
    public static SagaAppendResult Conflict => default;
}
