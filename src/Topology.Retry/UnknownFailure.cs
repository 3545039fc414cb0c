namespace Topology.Retry;

/// <summary>What happens to a failure that no rule names.</summary>
public enum UnknownFailure
{
    /// <summary>It is retried, as in the specification.</summary>
    Retry,

    /// <summary>It ends the call at once.</summary>
    Stop,
}
