namespace Topology.Resilience.Internal;

/// <summary>The saga definition that runs of <c>agent.run.requested</c> follow.</summary>
internal sealed record RunDefinition(string Name);
