namespace Topology.Saga;

/// <summary>One step as it was when the journal was read.</summary>
/// <param name="StepId">The step.</param>
/// <param name="Status">Where it is.</param>
/// <param name="LetterId">The id of its latest letter, when there was one.</param>
/// <param name="LastFailure">What failed last, when something did.</param>
public sealed record SagaStepSnapshot(string StepId, SagaStepStatus Status, string? LetterId, SagaFailure? LastFailure);
