using System.Collections.Concurrent;

namespace Topology.Dlq.Internal;

/// <summary>Tokens that end a try when its time is over or the process waits no longer. Used again: a timer for each message would cost more
/// than most messages do.</summary>
internal sealed class TryLimits(TimeSpan limit, TimeProvider time) : IDisposable
{
    private readonly ConcurrentQueue<TryLimit> _free = new();

    public TryLimit Begin(CancellationToken abandon)
    {
        if (!_free.TryDequeue(out var begun))
            begun = new TryLimit(time, abandon);
        begun.Source.CancelAfter(limit);
        return begun;
    }

    public void End(TryLimit limit)
    {
        if (limit.Source.TryReset())
            _free.Enqueue(limit);
        else
            limit.Dispose();
    }

    public void Dispose()
    {
        while (_free.TryDequeue(out var limit))
            limit.Dispose();
    }

    internal sealed class TryLimit : IDisposable
    {
        private readonly CancellationTokenRegistration _registration;

        public TryLimit(TimeProvider time, CancellationToken abandon)
        {
            Source = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
            _registration = abandon.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), Source);
        }

        public CancellationTokenSource Source { get; }

        public void Dispose()
        {
            _registration.Dispose();
            Source.Dispose();
        }
    }
}
