namespace Topology.Saga.JetStream.Internal;

/// <summary>A timer as it is stored; its delay runs from the moment it was stored.</summary>
internal sealed record SagaTimer(SagaId Id, string StepId, TimeSpan Delay);
