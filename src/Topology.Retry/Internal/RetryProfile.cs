namespace Topology.Retry.Internal;

/// <summary>The immutable form of <see cref="RetryProfileOptions"/> that calls read.</summary>
internal sealed class RetryProfile(RetryPolicy policy, RetryProfileOptions options, RetryBudget? budget)
{
    private static readonly TimeSpan ServerDelayFloor = TimeSpan.FromSeconds(120);

    private readonly DelayRule _rule = new(options.BaseDelay, options.MaxDelay, options.ExponentialBase, options.Jitter);

    private readonly TimeSpan _maxDelay = options.MaxDelay;

    public RetryPolicy Policy { get; } = policy;

    public int MaxAttempts { get; } = options.MaxAttempts;

    public TimeSpan? AttemptTimeout { get; } = options.AttemptTimeout;

    public TimeSpan? OverallTimeout { get; } = options.OverallTimeout;

    public TimeSpan MaxServerDelay { get; } =
        options.MaxServerDelay ?? (options.MaxDelay > ServerDelayFloor ? options.MaxDelay : ServerDelayFloor);

    public bool SpreadsServerDelay { get; } = options.Jitter.Kind != RetryJitterKind.None;

    public UnknownFailure Unknown { get; } = options.Unknown;

    public Func<Exception, RetryVerdict>? Classify { get; } = options.Classify;

    public Action<RetryEvent>? OnRetry { get; } = options.OnRetry;

    public RetryBudget? Budget { get; } = budget;

    /// <summary>Gets whether a first try needs neither a clock nor a token of its own.</summary>
    public bool IsPlain { get; } = options.AttemptTimeout is null && options.OverallTimeout is null;

    /// <summary>Returns the longest a call can take when each try takes up to <paramref name="attempt"/>.</summary>
    public TimeSpan LongestCall(TimeSpan attempt)
    {
        var wait = MaxServerDelay > _maxDelay ? MaxServerDelay : _maxDelay;
        var longest = (MaxAttempts * attempt) + ((MaxAttempts - 1) * wait);
        return OverallTimeout < longest ? OverallTimeout.Value : longest;
    }

    public TimeSpan NextDelay(int failedAttempts, TimeSpan previousDelay, Func<double> random) =>
        _rule.Next(failedAttempts, previousDelay, random);
}
