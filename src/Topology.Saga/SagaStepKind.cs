namespace Topology.Saga;

/// <summary>What may happen to a step that has completed.</summary>
public enum SagaStepKind
{
    /// <summary>It can be undone by its row in the compensation table; without a row it is left as it is.</summary>
    Compensable,

    /// <summary>The point of no return: once it has completed nothing is undone any more. At most one in a saga.</summary>
    Pivot,

    /// <summary>Stands after the pivot and is tried until it succeeds or an operator is needed.</summary>
    Retriable,
}
