namespace Topology.Saga;

/// <summary>The compensation table of one saga: which action undoes which step. Named options; the name is the saga's.</summary>
/// <remarks>
/// The order of the rows means nothing: compensations run in the reverse of the order in which the steps completed.
/// </remarks>
public sealed class SagaCompensationTableOptions
{
    /// <summary>Gets the rows of the table. A step without a row is not compensated.</summary>
    public IList<SagaCompensationStepOptions> Steps { get; } = [];
}
