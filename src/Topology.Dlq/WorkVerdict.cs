namespace Topology.Dlq;

/// <summary>What a handler decided about a message. Immutable; <see langword="default"/> is <see cref="Retry"/>.</summary>
public readonly record struct WorkVerdict
{
    private WorkVerdict(WorkVerdictKind kind, TimeSpan? delay = null, string? reason = null, Exception? error = null)
    {
        Kind = kind;
        Delay = delay;
        Reason = reason;
        Error = error;
    }

    /// <summary>Gets the verdict by which the message is done.</summary>
    public static WorkVerdict Done { get; } = new(WorkVerdictKind.Done);

    /// <summary>Gets the verdict by which the message is tried again after the profile's delay, or dead-lettered after its last try.</summary>
    public static WorkVerdict Retry => default;

    /// <summary>Gets the kind.</summary>
    public WorkVerdictKind Kind { get; }

    /// <summary>Gets the delay of <see cref="RetryAfter"/>, or <see langword="null"/> to leave it to the profile.</summary>
    public TimeSpan? Delay { get; }

    /// <summary>Gets why, for <see cref="WorkVerdictKind.DeadLetter"/> and <see cref="WorkVerdictKind.Discard"/>.</summary>
    public string? Reason { get; }

    /// <summary>Gets the error that goes into the letter.</summary>
    public Exception? Error { get; }

    /// <summary>Makes the verdict by which the message is tried again after a delay, or dead-lettered after its last try.</summary>
    /// <param name="delay">The delay; 0 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="delay"/> is negative.</exception>
    public static WorkVerdict RetryAfter(TimeSpan delay)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero);
        return new(WorkVerdictKind.Retry, delay);
    }

    /// <summary>Makes the verdict by which the message becomes a letter at once.</summary>
    /// <param name="reason">Why: one of <see cref="DeadLetterReasons"/>, or a short code.</param>
    /// <param name="error">What went wrong.</param>
    public static WorkVerdict DeadLetter(string reason, Exception? error = null) => new(WorkVerdictKind.DeadLetter, null, reason, error);

    /// <summary>Makes the verdict by which the message is dropped.</summary>
    /// <param name="reason">Why.</param>
    public static WorkVerdict Discard(string reason) => new(WorkVerdictKind.Discard, null, reason);

    /// <summary>What a try that threw comes to.</summary>
    internal static WorkVerdict Failure(TimeSpan? notBefore, Exception error) => new(WorkVerdictKind.Retry, notBefore, null, error);
}
