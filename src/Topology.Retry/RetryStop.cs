namespace Topology.Retry;

/// <summary>Why a call made no further try.</summary>
public enum RetryStop
{
    /// <summary>A try succeeded.</summary>
    Succeeded,

    /// <summary>The failure must not be retried.</summary>
    NotRetryable,

    /// <summary>All tries of the profile were used.</summary>
    Attempts,

    /// <summary>The next try could not have begun before the deadline, or the deadline cut the last one off.</summary>
    Deadline,

    /// <summary>A server asked for a longer wait than the profile allows.</summary>
    ServerDelay,

    /// <summary>The retry budget was spent.</summary>
    Budget,

    /// <summary>The caller cancelled.</summary>
    Cancelled,
}
