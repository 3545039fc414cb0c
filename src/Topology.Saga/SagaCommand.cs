namespace Topology.Saga;

/// <summary>What an operator has decided about an exhausted step or compensation. Immutable.</summary>
/// <param name="Verb">The decision.</param>
/// <param name="StepId">The step.</param>
/// <param name="Actor">Who decided.</param>
/// <param name="Reason">Why.</param>
public sealed record SagaCommand(SagaVerb Verb, string StepId, string Actor, string Reason);
