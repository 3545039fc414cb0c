namespace Topology.Retry;

/// <summary>Where a wait comes from.</summary>
public enum RetryDelaySource
{
    /// <summary>The profile's own rule.</summary>
    Backoff,

    /// <summary>The server, by <c>Retry-After</c> or <see cref="IRetryHint"/>.</summary>
    Server,
}
