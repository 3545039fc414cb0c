using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Topology.Dlq.Internal;

/// <summary>The messages this process holds, running and waiting; renews their leases for as long as they may be held.</summary>
internal sealed class WorkInHand
{
    private readonly string _name;
    private readonly GuardedConsumerOptions _options;
    private readonly LoopBeats _beats;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Func<HeldWork, ValueTask> _guard;
    private readonly ConcurrentDictionary<ulong, HeldWork> _held = new();
    private readonly WorkLoops _loops;
    private TaskCompletionSource? _down;
    private int _to;
    private int _count;

    public WorkInHand(
        string name, GuardedConsumerOptions options, Func<HeldWork, ValueTask> guard, LoopBeats beats, TimeProvider time, ILogger logger)
    {
        _name = name;
        _options = options;
        _guard = guard;
        _beats = beats;
        _time = time;
        _logger = logger;
        _loops = new WorkLoops(options.Concurrency, SettleAsync);
    }

    public int Count => Volatile.Read(ref _count);

    /// <summary>Returns what completes when no more than a number are left.</summary>
    public Task Down(int to)
    {
        var down = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _to, to);
        Interlocked.Exchange(ref _down, down);
        if (Count <= to)
            down.TrySetResult();
        return down.Task;
    }

    /// <summary>Holds a delivery. One of a message that is in hand already is dropped: the delivery in hand settles both.</summary>
    public void Take(IWorkDelivery delivery)
    {
        var held = new HeldWork(delivery);
        if (!_held.TryAdd(delivery.Sequence, held))
            return;
        Interlocked.Increment(ref _count);
        _loops.Add(held);
    }

    public async Task RenewAsync(CancellationToken finished)
    {
        using var beat = _beats.Begin($"The renewing loop of guarded consumer {_name}");
        while (true)
        {
            // When every place is held by a try past its time, nothing goes on here any more: let it be seen.
            if (_held.Values.Where(IsOverdue).Sum(held => held.Places) < _options.Concurrency)
                beat.Within(_options.AckWait + LoopBeats.LongestSilence);
            // A third: one renewal may fail, and the next still comes before the lease ends.
            await Task.Delay(_options.AckWait / 3, _time, finished).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (finished.IsCancellationRequested)
                return;

            // The client waits for a server that is away without end.
            using var call = new CancellationTokenSource(_options.AckWait, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(call.Token, finished);
            foreach (var held in _held.Values)
            {
                if (IsOverdue(held))
                    continue;
                try
                {
                    await held.Delivery.RenewAsync(either.Token).ConfigureAwait(false);
                }
                catch (Exception error)
                {
                    if (finished.IsCancellationRequested)
                        return;
                    Log.RenewFailed(_logger, error, _options.Stream, held.Delivery.Sequence.ToString(CultureInfo.InvariantCulture));
                    if (call.IsCancellationRequested)
                        break;
                }
            }
        }
    }

    private bool IsOverdue(HeldWork held) =>
        held.TryBegan is not 0 and var began && _time.GetElapsedTime(began) > _options.MaxProcessingTime + _options.AckWait;

    private async ValueTask SettleAsync(HeldWork held)
    {
        await _guard(held).ConfigureAwait(false);
        _held.TryRemove(held.Delivery.Sequence, out _);
        if (Interlocked.Decrement(ref _count) <= Volatile.Read(ref _to))
            Interlocked.Exchange(ref _down, null)?.TrySetResult();
    }
}
