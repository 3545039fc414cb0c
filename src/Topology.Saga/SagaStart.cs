namespace Topology.Saga;

/// <summary>What a saga is started with. Immutable.</summary>
/// <param name="Id">The saga.</param>
/// <param name="DefinitionHash">The hash of its definition.</param>
/// <param name="Tenant">Whom it is run for; <c>-</c> when nobody was named.</param>
/// <param name="Input">Its input.</param>
/// <param name="TraceParent">The W3C trace context of whoever started it; <see langword="null"/> when there was none.</param>
public sealed record SagaStart(SagaId Id, string DefinitionHash, string Tenant, SagaValue Input, string? TraceParent = null);
