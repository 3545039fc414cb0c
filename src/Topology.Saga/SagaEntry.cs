namespace Topology.Saga;

/// <summary>What one append writes: all of it or nothing.</summary>
/// <param name="Writer">
/// Different for every append, so that a writer who never got the answer can tell whether the entry it finds is its own.
/// </param>
/// <param name="Events">The events, in order; at least one.</param>
public sealed record SagaEntry(Guid Writer, IReadOnlyList<SagaEvent> Events);
