using System.Collections.Concurrent;
using System.Globalization;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Topology.Dlq.Internal;

/// <summary>The messages this process holds, running and waiting; renews their leases for as long as they may be held.</summary>
internal sealed class WorkInHand(string name, GuardedConsumerOptions options, LoopBeats beats, TimeProvider time, ILogger logger)
{
    private readonly ConcurrentDictionary<ulong, HeldWork> _held = new();
    private readonly Channel<HeldWork> _waiting = Channel.CreateUnbounded<HeldWork>();
    private TaskCompletionSource? _freed;
    private int _count;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Returns what completes when the next message is settled.</summary>
    public Task Freed()
    {
        var freed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _freed, freed);
        return freed.Task;
    }

    /// <summary>Holds a delivery. One of a message that is in hand already is dropped: the delivery in hand settles both.</summary>
    public void Take(IWorkDelivery delivery)
    {
        var held = new HeldWork(delivery);
        if (!_held.TryAdd(delivery.Sequence, held))
            return;
        Interlocked.Increment(ref _count);
        _waiting.Writer.TryWrite(held);
    }

    /// <summary>Guards what is in hand, so many at a time, until nothing more comes and nothing is left.</summary>
    public Task GuardAsync(Func<HeldWork, ValueTask> guard) =>
        Task.WhenAll(Enumerable.Range(0, options.Concurrency).Select(_ => Task.Run(() => GuardOneByOneAsync(guard))));

    /// <summary>Tells that nothing more comes.</summary>
    public void Complete() => _waiting.Writer.TryComplete();

    public async Task RenewAsync(CancellationToken finished)
    {
        using var beat = beats.Begin($"The renewing loop of guarded consumer {name}");
        while (true)
        {
            // When every place is held by a try past its time, nothing goes on here any more: let it be seen.
            if (_held.Values.Where(IsOverdue).Sum(held => held.Places) < options.Concurrency)
                beat.Within(options.AckWait + LoopBeats.LongestSilence);
            await Task.Delay(options.AckWait / 3, time, finished).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (finished.IsCancellationRequested)
                return;

            // The client waits for a server that is away without end.
            using var call = new CancellationTokenSource(options.AckWait, time);
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
                    Log.RenewFailed(logger, error, options.Stream, held.Delivery.Sequence.ToString(CultureInfo.InvariantCulture));
                    if (call.IsCancellationRequested)
                        break;
                }
            }
        }
    }

    private bool IsOverdue(HeldWork held) =>
        held.TryBegan is not 0 and var began && time.GetElapsedTime(began) > options.MaxProcessingTime + options.AckWait;

    private async Task GuardOneByOneAsync(Func<HeldWork, ValueTask> guard)
    {
        await foreach (var held in _waiting.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            await guard(held).ConfigureAwait(false);
            _held.TryRemove(held.Delivery.Sequence, out _);
            Interlocked.Decrement(ref _count);
            Interlocked.Exchange(ref _freed, null)?.TrySetResult();
        }
    }
}
