namespace Topology.Health.Internal;

/// <summary>One rendered answer. <paramref name="Detail"/> is for the management port only.</summary>
internal sealed record ProbeAnswer(int StatusCode, string Status, ReadOnlyMemory<byte> Brief, ReadOnlyMemory<byte> Detail);
