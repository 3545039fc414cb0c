namespace Topology.Saga;

/// <summary>Where one step of a saga is.</summary>
public enum SagaStepStatus
{
    /// <summary>Not completed; it may have been tried.</summary>
    Pending,

    /// <summary>Completed.</summary>
    Completed,

    /// <summary>Refused for certain: it had no effect.</summary>
    Rejected,

    /// <summary>Failed so that nobody knows whether it had an effect.</summary>
    OutcomeUnknown,

    /// <summary>Undone.</summary>
    Compensated,

    /// <summary>Its compensation has used up its tries, or it is a step after the pivot that has.</summary>
    Exhausted,

    /// <summary>An operator decided to leave it as it is.</summary>
    Skipped,

    /// <summary>An operator undid it by hand.</summary>
    MarkedCompensated,
}
