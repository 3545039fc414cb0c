using System.Collections.Concurrent;

namespace Topology.Dlq.Internal;

/// <summary>Handles what waits in as many loops as there may be, none of which waits itself: a loop is begun when there is something for it,
/// each by the one before it, so that a few short items wake one thread and not all. Thread safe.</summary>
internal sealed class WorkLoops(int most, Func<HeldWork, ValueTask> handle) : IThreadPoolWorkItem
{
    private readonly ConcurrentQueue<HeldWork> _waiting = new();
    private int _running;
    private int _beginning;

    public void Add(HeldWork held)
    {
        _waiting.Enqueue(held);
        BeginOne();
    }

    void IThreadPoolWorkItem.Execute() => _ = RunAsync();

    private async Task RunAsync()
    {
        // From here on the next one may be begun; what was added before is seen below.
        Interlocked.Exchange(ref _beginning, 0);
        while (_waiting.TryDequeue(out var held))
        {
            BeginOne();
            await handle(held).ConfigureAwait(false);
        }

        Interlocked.Decrement(ref _running);
        BeginOne();
    }

    private void BeginOne()
    {
        // Only who begins one counts up, so there are never too many. Looked at again after each end, so none is forgotten.
        while (!_waiting.IsEmpty && Volatile.Read(ref _running) < most && Interlocked.Exchange(ref _beginning, 1) == 0)
        {
            if (Volatile.Read(ref _running) < most)
            {
                Interlocked.Increment(ref _running);
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                return;
            }

            Interlocked.Exchange(ref _beginning, 0);
        }
    }
}
