namespace Topology.Saga;

/// <summary>What an operator may decide about an exhausted step or compensation, or a parked saga.</summary>
public enum SagaVerb
{
    /// <summary>Try it again, with the same key unless there is new input. The only verb for a stuck or parked saga.</summary>
    Retry,

    /// <summary>Leave the step as it is; the saga counts as compensated without it.</summary>
    Skip,

    /// <summary>The step was undone by hand.</summary>
    MarkCompensated,
}
