namespace Topology.Retry;

/// <summary>What a classifier says about a failure or a result.</summary>
public enum RetryVerdictKind
{
    /// <summary>No opinion. A failure goes on to the built-in rules; a result is a success.</summary>
    Unspecified,

    /// <summary>The call may be made again.</summary>
    Retry,

    /// <summary>The call must not be made again.</summary>
    Stop,
}
