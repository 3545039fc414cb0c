namespace Topology.Saga.Internal;

/// <summary>One try of a step or a compensation.</summary>
internal sealed record SagaTry(SagaState State, SagaStep Step, SagaEffectKey Key, int Attempt, long Fence, IServiceProvider Services);
