using Microsoft.Extensions.Time.Testing;

namespace Topology.Retry.Tests;

/// <summary>A fake clock that counts the timers made on it, and can fire them early as real ones do.</summary>
internal sealed class CountingTimeProvider : FakeTimeProvider
{
    public int Timers { get; private set; }

    public TimeSpan Early { get; init; }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Timers++;
        return base.CreateTimer(callback, state, dueTime > Early ? dueTime - Early : dueTime, period);
    }
}
