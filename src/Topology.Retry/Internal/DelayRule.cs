namespace Topology.Retry.Internal;

/// <summary>
/// The wait before a retry: <c>d = min(base · factor^(n−1), max)</c>, then one draw from the jitter's own interval. The cap is applied
/// before the draw, so clients still spread when <c>d</c> has reached it. (AWS, "Exponential Backoff And Jitter".)
/// </summary>
internal readonly struct DelayRule(TimeSpan baseDelay, TimeSpan maxDelay, double factor, RetryJitter jitter)
{
    private readonly double _base = baseDelay.Ticks;
    private readonly double _max = maxDelay.Ticks;

    public TimeSpan Next(int failedAttempts, TimeSpan previousDelay, Func<double> random)
    {
        if (_base == 0)
        {
            // 0 · ∞ is not a number.
            return TimeSpan.Zero;
        }

        var delay = Math.Min(_base * Math.Pow(factor, failedAttempts - 1.0), _max);
        var (low, high) = jitter.Kind switch
        {
            RetryJitterKind.Proportional => (delay * (1 - jitter.Proportion), Math.Min(delay * (1 + jitter.Proportion), _max)),
            RetryJitterKind.Equal => (delay / 2, delay),
            RetryJitterKind.Full => (0, delay),
            RetryJitterKind.Decorrelated => (_base, Math.Min(_max, 3 * Math.Max(_base, previousDelay.Ticks))),
            _ => (delay, delay),
        };
        var ticks = low == high ? high : low + ((high - low) * random());

        // Only a random source that leaves [0, 1) can get past these bounds.
        return TimeSpan.FromTicks((long)Math.Clamp(ticks, 0, _max));
    }
}
