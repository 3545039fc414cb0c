namespace Topology.Retry;

/// <summary>Implemented by an exception that knows whether and when its call may be made again.</summary>
public interface IRetryHint
{
    /// <summary>Gets whether the call may be made again.</summary>
    bool MayRetry { get; }

    /// <summary>Gets the time before which the call must not be made again, or <see langword="null"/> to leave it to the profile.</summary>
    TimeSpan? RetryAfter { get; }
}
