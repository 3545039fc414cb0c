namespace Topology.Retry;

/// <summary>What a caller hands in with one call. <see langword="default"/> is no deadline and no cancellation.</summary>
public readonly record struct RetryCall
{
    /// <summary>Gets the moment by which the caller needs the answer, or <see langword="null"/>.</summary>
    /// <remarks>The earlier of this and the profile's overall timeout holds. It is read once against the clock, then kept monotonic.</remarks>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>Gets the number of tries this call may make, where it is lower than the profile's; 1 makes a call that must not be repeated.</summary>
    /// <value>The default is <see langword="null"/>: as many as the profile says.</value>
    public int? MaxAttempts { get; init; }

    /// <summary>Gets the caller's token.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>Returns a call that has only a token.</summary>
    /// <param name="cancellationToken">The caller's token.</param>
    public static implicit operator RetryCall(CancellationToken cancellationToken) => FromCancellationToken(cancellationToken);

    /// <summary>Returns a call that has only a token.</summary>
    /// <param name="cancellationToken">The caller's token.</param>
    public static RetryCall FromCancellationToken(CancellationToken cancellationToken) => new() { CancellationToken = cancellationToken };
}
