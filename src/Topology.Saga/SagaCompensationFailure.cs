namespace Topology.Saga;

/// <summary>What happens to the remaining compensations when one has used up its tries.</summary>
public enum SagaCompensationFailure
{
    /// <summary>They run; the failed one becomes a letter and waits for an operator.</summary>
    Continue,

    /// <summary>They wait until an operator has settled the failed one.</summary>
    Halt,
}
