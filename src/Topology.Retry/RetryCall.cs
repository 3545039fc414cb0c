namespace Topology.Retry;

/// <summary>What a caller hands in with one call. <see langword="default"/> is no deadline and no cancellation.</summary>
public readonly record struct RetryCall
{
    /// <summary>Gets the moment by which the caller needs the answer, or <see langword="null"/>.</summary>
    /// <remarks>The earlier of this and the profile's overall timeout holds. It is read once against the clock, then kept monotonic.</remarks>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>Gets the caller's token.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>Returns a call that has only a token.</summary>
    /// <param name="cancellationToken">The caller's token.</param>
    public static implicit operator RetryCall(CancellationToken cancellationToken) => FromCancellationToken(cancellationToken);

    /// <summary>Returns a call that has only a token.</summary>
    /// <param name="cancellationToken">The caller's token.</param>
    public static RetryCall FromCancellationToken(CancellationToken cancellationToken) => new() { CancellationToken = cancellationToken };
}
