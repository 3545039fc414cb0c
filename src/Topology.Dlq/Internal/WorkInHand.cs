using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Topology.Dlq.Internal;

/// <summary>The messages this process holds, running and waiting; renews their leases for as long as they may be held.</summary>
internal sealed class WorkInHand(string name, GuardedConsumerOptions options, LoopBeats beats, TimeProvider time, ILogger logger)
{
    private readonly ConcurrentDictionary<ulong, HeldWork> _held = new();
    private TaskCompletionSource _freed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public int Count => _held.Count;

    /// <summary>Gets what completes when the next message is settled.</summary>
    public Task Freed => Volatile.Read(ref _freed).Task;

    public Task EmptyAsync() => Task.WhenAll(_held.Values.Select(held => held.Running));

    /// <summary>Starts to guard a delivery. One of a message that is in hand already is dropped: the delivery in hand settles both.</summary>
    public void Take(IWorkDelivery delivery, Func<HeldWork, ValueTask> guard)
    {
        var held = new HeldWork(delivery);
        if (_held.TryAdd(delivery.Sequence, held))
            held.Running = Task.Run(() => HoldAsync(held, guard), CancellationToken.None);
    }

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

    private async Task HoldAsync(HeldWork held, Func<HeldWork, ValueTask> guard)
    {
        await guard(held).ConfigureAwait(false);
        _held.TryRemove(held.Delivery.Sequence, out _);
        Interlocked.Exchange(ref _freed, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }
}
