namespace Topology.Saga;

/// <summary>A saga as a journal lists it.</summary>
/// <param name="Id">The saga.</param>
/// <param name="Last">Its latest entry.</param>
public sealed record SagaListed(SagaId Id, SagaStoredEntry Last);
