namespace Topology.Resilience.Internal;

/// <summary>Where one kind of state is kept, and whether anybody said so.</summary>
internal readonly record struct TopologyStore(string Name, bool IsNamed)
{
    public const string Memory = "memory";
    public const string Redis = "redis";
    public const string Nats = "nats";
}
