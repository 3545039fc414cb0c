namespace Topology.Resilience.Internal;

/// <summary>Where this process keeps its state, as named in code.</summary>
internal sealed record TopologyStore(string Name)
{
    public static TopologyStore InMemory { get; } = new("memory");
}
