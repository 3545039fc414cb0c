namespace Topology.Saga;

/// <summary>A command as an inbox returns it.</summary>
/// <param name="Sequence">Its place in the saga's inbox, from 1, growing.</param>
/// <param name="Command">What was decided.</param>
public sealed record SagaInboxEntry(long Sequence, SagaCommand Command);
