namespace Topology.Saga;

/// <summary>A message as an inbox returns it.</summary>
/// <param name="Sequence">Its place in the saga's inbox, from 1, growing.</param>
/// <param name="Message">What was said.</param>
public sealed record SagaInboxEntry(long Sequence, SagaMessage Message);
