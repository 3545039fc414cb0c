namespace Topology.Retry;

/// <summary>What a classifier says about a failure or a result. Immutable; <see langword="default"/> is no opinion.</summary>
public readonly record struct RetryVerdict
{
    // One more than the ticks, 0 for none: a verdict is copied on every classified call, and a nullable would make it half as large again.
    private readonly long _notBefore;

    private RetryVerdict(RetryVerdictKind kind, TimeSpan? notBefore)
    {
        Kind = kind;
        _notBefore = notBefore is { } wait ? wait.Ticks + 1 : 0;
    }

    /// <summary>Gets no opinion: a failure goes on to the built-in rules, a result is a success.</summary>
    public static RetryVerdict Unspecified => default;

    /// <summary>Gets the verdict that the call may be made again after the profile's own wait.</summary>
    public static RetryVerdict Retry => new(RetryVerdictKind.Retry, null);

    /// <summary>Gets the verdict that the call must not be made again.</summary>
    public static RetryVerdict Stop => new(RetryVerdictKind.Stop, null);

    /// <summary>Gets what is to happen.</summary>
    public RetryVerdictKind Kind { get; }

    /// <summary>Gets the wait a server asked for, or <see langword="null"/> to leave it to the profile.</summary>
    public TimeSpan? NotBefore => _notBefore == 0 ? null : TimeSpan.FromTicks(_notBefore - 1);

    /// <summary>Gets the value of the <c>error.type</c> tag, such as <c>503</c>; <see langword="null"/> means the exception's type name.</summary>
    /// <value>Take it from a small fixed set: it becomes a metric tag.</value>
    public string? ErrorType { get; init; }

    /// <summary>Returns the verdict that the call may be made again, but not before <paramref name="delay"/> has passed.</summary>
    /// <param name="delay">The wait; a negative one counts as zero.</param>
    public static RetryVerdict After(TimeSpan delay) =>
        new(RetryVerdictKind.Retry, TimeSpan.FromTicks(Math.Clamp(delay.Ticks, 0, long.MaxValue - 1)));
}
