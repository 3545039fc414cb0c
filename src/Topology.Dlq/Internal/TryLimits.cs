using System.Collections.Concurrent;

namespace Topology.Dlq.Internal;

/// <summary>Tokens that end a try when its time is over or the process waits no longer. One timer for all of them, and used again: a timer
/// set anew for each message would cost more than most messages do. Thread safe.</summary>
internal sealed class TryLimits : IDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(1);

    private readonly ConcurrentQueue<TryLimit> _free = new();
    private readonly List<TryLimit> _all = [];
    private readonly TimeSpan _limit;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private int _set;

    public TryLimits(TimeSpan limit, TimeProvider time)
    {
        _limit = limit;
        _time = time;
        _timer = time.CreateTimer(static limits => ((TryLimits)limits!).EndThoseDue(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public TryLimit Begin(CancellationToken abandon)
    {
        if (!_free.TryDequeue(out var begun))
        {
            begun = new TryLimit(abandon);
            lock (_all)
                _all.Add(begun);
        }

        // The timer is set for the one that began first, and goes off before any other is due.
        begun.Begin(_time.GetTimestamp());
        SetTimer(_limit);
        return begun;
    }

    public void End(TryLimit limit)
    {
        if (limit.TryEnd() && limit.Source.TryReset())
        {
            _free.Enqueue(limit);
            return;
        }

        lock (_all)
            _all.Remove(limit);
        limit.Dispose();
    }

    public void Dispose()
    {
        _timer.Dispose();
        TryLimit[] all;
        lock (_all)
            all = [.. _all];

        // Not under the lock: it waits for a cancellation that is under way, and what that ends comes to End.
        foreach (var limit in all)
            limit.Dispose();
    }

    private void EndThoseDue()
    {
        TryLimit[] all;
        lock (_all)
            all = [.. _all];
        var next = TimeSpan.MaxValue;
        foreach (var limit in all)
        {
            if (limit.Began is var began && began <= 0)
                continue;
            var left = _limit - _time.GetElapsedTime(began);
            if (left > TimeSpan.Zero)
                next = left < next ? left : next;
            else
                limit.TimeIsOver(began);
        }

        if (next < TimeSpan.MaxValue)
        {
            _timer.Change(next > Soon ? next : Soon, Timeout.InfiniteTimeSpan);
            return;
        }

        // One that began meanwhile took the timer for set.
        Interlocked.Exchange(ref _set, 0);
        lock (_all)
        {
            if (!_all.Exists(static limit => limit.Began > 0))
                return;
        }

        SetTimer(_limit);
    }

    private void SetTimer(TimeSpan due)
    {
        if (Volatile.Read(ref _set) == 0 && Interlocked.Exchange(ref _set, 1) == 0)
            _timer.Change(due, Timeout.InfiniteTimeSpan);
    }

    internal sealed class TryLimit : IDisposable
    {
        private const long Idle = 0;
        private const long Over = -1;

        private readonly CancellationTokenRegistration _registration;
        private long _began;

        public TryLimit(CancellationToken abandon) =>
            _registration = abandon.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), Source);

        public CancellationTokenSource Source { get; } = new();

        public long Began => Volatile.Read(ref _began);

        public void Begin(long timestamp) => Interlocked.Exchange(ref _began, timestamp);

        /// <returns>Whether it ended by itself.</returns>
        public bool TryEnd() => Interlocked.Exchange(ref _began, Idle) != Over;

        /// <summary>Ends the try that began at a time; another one that has its token by now is left alone.</summary>
        public void TimeIsOver(long began)
        {
            if (Interlocked.CompareExchange(ref _began, Over, began) == began)
                _ = Source.CancelAsync();
        }

        public void Dispose() => _registration.Dispose();
    }
}
