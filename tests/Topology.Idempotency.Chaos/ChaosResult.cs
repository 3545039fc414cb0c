namespace Topology.Idempotency.Chaos;

/// <summary>How a phase ended.</summary>
public sealed record ChaosResult(bool Ok, string Text);
