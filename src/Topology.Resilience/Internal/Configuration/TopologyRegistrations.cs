namespace Topology.Resilience.Internal.Configuration;

/// <summary>What this process registers in code. Filled while services are added, read once at the host's start.</summary>
/// <remarks>A part that is not registered here runs elsewhere: the settings for it are read but not checked against it.</remarks>
internal sealed class TopologyRegistrations
{
    /// <summary>Gets the step ids of each registered saga definition, by the saga's name.</summary>
    public Dictionary<string, IReadOnlyList<string>> Sagas { get; } = new(StringComparer.Ordinal);

    /// <summary>Gets the names of the registered compensation actions.</summary>
    public HashSet<string> CompensationActions { get; } = new(StringComparer.Ordinal);

    /// <summary>Gets the logical names of the dead-letter queues that have a processor here, built-in ones included.</summary>
    public HashSet<string> QueueProcessors { get; } = new(StringComparer.Ordinal);
}
