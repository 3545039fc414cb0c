namespace Topology.Retry.Internal;

internal static class Waiting
{
    /// <summary>Waits until the whole delay has passed or the caller cancels; never throws.</summary>
    /// <remarks>Timers may fire early and count whole milliseconds; the clock is asked again, because a server's hint is never undercut.</remarks>
    public static async Task ForAsync(TimeSpan delay, TimeProvider timeProvider, CancellationToken cancellationToken)
    {
        var started = timeProvider.GetTimestamp();
        var left = delay;
        while (left > TimeSpan.Zero && !cancellationToken.IsCancellationRequested)
        {
            var wholeMilliseconds = TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds));
            await Task.Delay(wholeMilliseconds, timeProvider, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            left = delay - timeProvider.GetElapsedTime(started);
        }
    }
}
