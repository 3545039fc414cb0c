namespace Topology.Retry.Internal;

/// <summary>Lets one line through each 10 seconds and counts the others, so that an outage does not drown the log. Lock-free.</summary>
internal sealed class LogGate(TimeProvider timeProvider)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private long _next = long.MinValue;
    private long _unsaid;

    public bool TryPass(out long unsaid)
    {
        var now = timeProvider.GetTimestamp();
        var next = Volatile.Read(ref _next);
        var following = now + (long)(Interval.TotalSeconds * timeProvider.TimestampFrequency);
        if (now >= next && Interlocked.CompareExchange(ref _next, following, next) == next)
        {
            unsaid = Interlocked.Exchange(ref _unsaid, 0);
            return true;
        }

        Interlocked.Increment(ref _unsaid);
        unsaid = 0;
        return false;
    }
}
