namespace Topology.Saga;

/// <summary>An entry as a journal returns it.</summary>
/// <param name="Version">The saga's version after it; grows with every entry, not necessarily by one.</param>
/// <param name="At">When it was stored, by the store's clock.</param>
/// <param name="Entry">What was written.</param>
public sealed record SagaStoredEntry(long Version, DateTimeOffset At, SagaEntry Entry);
