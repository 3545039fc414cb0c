namespace Topology.Dlq;

/// <summary>What a processor decided about a letter. Immutable; <see langword="default"/> parks, so that nothing is lost by mistake.</summary>
public readonly record struct DeadLetterVerdict
{
    private DeadLetterVerdict(DeadLetterVerdictKind kind, string? reason = null, TimeSpan delay = default)
    {
        Kind = kind;
        Reason = reason;
        Delay = delay;
    }

    /// <summary>Gets the verdict by which nothing is left to do: the letter is closed.</summary>
    public static DeadLetterVerdict Done { get; } = new(DeadLetterVerdictKind.Done);

    /// <summary>Gets the kind.</summary>
    public DeadLetterVerdictKind Kind { get; }

    /// <summary>Gets why, for <see cref="DeadLetterVerdictKind.Park"/> and <see cref="DeadLetterVerdictKind.Discard"/>.</summary>
    public string? Reason { get; }

    /// <summary>Gets the delay of <see cref="DeadLetterVerdictKind.RetryAfter"/>.</summary>
    public TimeSpan Delay { get; }

    /// <summary>Makes the verdict by which the processor is started again later; when its tries are used up the letter is parked.</summary>
    /// <param name="delay">The delay; 0 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="delay"/> is negative.</exception>
    public static DeadLetterVerdict RetryAfter(TimeSpan delay)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero);
        return new(DeadLetterVerdictKind.RetryAfter, delay: delay);
    }

    /// <summary>Makes the verdict by which the letter stays in the queue for a person.</summary>
    /// <param name="reason">Why.</param>
    public static DeadLetterVerdict Park(string reason) => new(DeadLetterVerdictKind.Park, reason);

    /// <summary>Makes the verdict by which the letter is closed although nothing was done for it.</summary>
    /// <param name="reason">Why.</param>
    public static DeadLetterVerdict Discard(string reason) => new(DeadLetterVerdictKind.Discard, reason);
}
