using Microsoft.Extensions.Time.Testing;

namespace Topology.Retry.Tests;

/// <summary>A fake clock that counts the timers made on it, knows how many are pending, and can fire them early as real ones do.</summary>
internal sealed class CountingTimeProvider : FakeTimeProvider
{
    private int _pending;

    public int Timers { get; private set; }

    public TimeSpan Early { get; init; }

    /// <summary>Lets time pass until the call has ended, but only while something waits for it.</summary>
    public async Task<T> PassAsync<T>(Task<T> running)
    {
        while (!running.IsCompleted)
        {
            if (Volatile.Read(ref _pending) > 0)
            {
                Advance(TimeSpan.FromMilliseconds(100));
            }

            await Task.Yield();
        }

        return await running;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime == Timeout.InfiniteTimeSpan)
        {
            return base.CreateTimer(callback, state, dueTime, period);
        }

        Timers++;
        Interlocked.Increment(ref _pending);
        var timer = new Pending(this);
        timer.Inner = base.CreateTimer(
            _ =>
            {
                timer.Settle();
                callback(state);
            },
            null,
            dueTime > Early ? dueTime - Early : dueTime,
            period);
        return timer;
    }

    private sealed class Pending(CountingTimeProvider owner) : ITimer
    {
        private int _settled;

        public ITimer Inner { get; set; } = null!;

        public void Settle()
        {
            if (Interlocked.Exchange(ref _settled, 1) == 0)
            {
                Interlocked.Decrement(ref owner._pending);
            }
        }

        public bool Change(TimeSpan dueTime, TimeSpan period) => Inner.Change(dueTime, period);

        public void Dispose()
        {
            Settle();
            Inner.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Settle();
            return Inner.DisposeAsync();
        }
    }
}
