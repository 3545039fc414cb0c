namespace Topology.Saga;

/// <summary>What a saga is started with. Immutable.</summary>
/// <param name="Id">The saga.</param>
/// <param name="DefinitionHash">The hash of its definition.</param>
/// <param name="Tenant">Whom it is run for; <c>-</c> when nobody was named.</param>
/// <param name="Input">Its input.</param>
public sealed record SagaStart(SagaId Id, string DefinitionHash, string Tenant, SagaValue Input);
