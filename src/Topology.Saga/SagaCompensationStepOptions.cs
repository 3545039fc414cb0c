namespace Topology.Saga;

/// <summary>One row of a compensation table.</summary>
public sealed class SagaCompensationStepOptions
{
    /// <summary>Gets or sets the step that is undone.</summary>
    public string StepId { get; set; } = "";

    /// <summary>Gets or sets the action that undoes it.</summary>
    public SagaCompensationActionOptions CompensationAction { get; set; } = new();
}
