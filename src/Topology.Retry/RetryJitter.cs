namespace Topology.Retry;

/// <summary>How a wait <c>d</c> is spread. Immutable; <see langword="default"/> is <see cref="None"/>.</summary>
/// <remarks>No draw is clamped afterwards, so clients still spread when the wait has reached the cap.</remarks>
public readonly record struct RetryJitter
{
    private RetryJitter(RetryJitterKind kind, double proportion)
    {
        Kind = kind;
        Proportion = proportion;
    }

    /// <summary>Gets no spread: the wait is <c>d</c>.</summary>
    public static RetryJitter None => default;

    /// <summary>Gets a spread over [<c>d</c>/2, <c>d</c>]. The advice for a dependency shared by many clients.</summary>
    public static RetryJitter Equal => new(RetryJitterKind.Equal, 0);

    /// <summary>Gets a spread over [0, <c>d</c>].</summary>
    public static RetryJitter Full => new(RetryJitterKind.Full, 0);

    /// <summary>Gets a spread over [base, min(max, 3 · previous wait)].</summary>
    public static RetryJitter Decorrelated => new(RetryJitterKind.Decorrelated, 0);

    /// <summary>Gets the rule of the spread.</summary>
    public RetryJitterKind Kind { get; }

    /// <summary>Gets the share <c>p</c> of <see cref="RetryJitterKind.Proportional"/>; 0 for the other kinds.</summary>
    public double Proportion { get; }

    /// <summary>Gets a spread over [<c>d</c>(1−p), min(<c>d</c>(1+p), max)].</summary>
    /// <param name="proportion">The share p, above 0 and up to 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="proportion"/> is outside the range.</exception>
    public static RetryJitter Proportional(double proportion)
    {
        if (!(proportion > 0 && proportion <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(proportion), proportion, "jitter must be above 0 and up to 1.");
        }

        return new(RetryJitterKind.Proportional, proportion);
    }

    /// <summary>Returns the form used in <c>topology.yaml</c>, such as <c>equal</c> or <c>0.1</c>.</summary>
    public override string ToString() => Kind == RetryJitterKind.Proportional
        ? Proportion.ToString(System.Globalization.CultureInfo.InvariantCulture)
        : Kind.ToString().ToLowerInvariant();
}
