using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;

namespace Topology.Saga.JetStream.Internal;

/// <summary>Timers in one subject per minute in which they are due. Only what is due within the minute is read, and becomes an item when it is due.</summary>
/// <remarks>
/// Every worker process does so. No consumer is made and nothing is lent: an item carries its timer's sequence as message id, so the server
/// keeps one of two; one that comes twice all the same finds nothing to do. Near and far timers have subjects of their own, so that a crowd
/// that was set long ago is not in the way of a short one.
/// </remarks>
internal sealed class SagaTimers(SagaStore store, SagaStreams streams, StoreClock clock, TimeProvider time, ILogger logger)
{
    public const string StepHeader = "Saga-Timer";

    private const int ReadsPerRound = 500;
    private const int FiresPerRound = 500;
    private const int FiresAtOnce = 16;
    private static readonly TimeSpan _near = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan _lookAhead = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _round = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan _lookForOld = TimeSpan.FromSeconds(15);

    private readonly Lane[] _lanes = [new(IsNear: true), new(IsNear: false)];
    private long? _lookedForOld;

    public async ValueTask SetAsync(SagaTimer timer, CancellationToken cancellationToken)
    {
        var due = await clock.NowAsync(cancellationToken).ConfigureAwait(false) + timer.Delay;
        await store.PublishAsync(
            streams.Subjects.Timer(Minute(due), timer.Delay <= _near), SagaCodec.Write(timer), null, null, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads what is due soon and fires what is due.</summary>
    public async Task RoundAsync(SagaLoop loop, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        var now = await clock.NowAsync(cancellationToken).ConfigureAwait(false);
        if (_lookedForOld is not { } looked || time.GetElapsedTime(looked) > _lookForOld)
        {
            await LookForOldAsync(now, cancellationToken).ConfigureAwait(false);
            _lookedForOld = time.GetTimestamp();
        }

        var isBusy = false;
        foreach (var lane in _lanes)
        {
            lane.Watch(Minute(now));
            lane.Watch(Minute(now + _lookAhead));
            isBusy |= await ReadAsync(lane, now, cancellationToken).ConfigureAwait(false);
            loop.Beat();
            isBusy |= await FireAsync(lane, cancellationToken).ConfigureAwait(false);
            loop.Beat();
        }

        var rest = _round - time.GetElapsedTime(begun);
        if (!isBusy && rest > TimeSpan.Zero)
        {
            // Timers are due by the clock, so the next look is a round after this one began; at once when there was work.
            await Task.Delay(rest, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static long Minute(DateTimeOffset at) => at.ToUnixTimeSeconds() / 60;

    /// <summary>Finds minutes that passed while nobody was there, or into which a timer came late.</summary>
    private async ValueTask LookForOldAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var subjects = await store.CountAsync(streams.Subjects.TimerStream, streams.Subjects.AllTimers, cancellationToken).ConfigureAwait(false);
        foreach (var subject in subjects.Keys)
        {
            if (SagaSubjects.MinuteOf(subject) <= Minute(now))
            {
                _lanes[subject.EndsWith(".near", StringComparison.Ordinal) ? 0 : 1].Watch(SagaSubjects.MinuteOf(subject));
            }
        }
    }

    private async ValueTask<bool> ReadAsync(Lane lane, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var left = ReadsPerRound;
        foreach (var (minute, readUpTo) in lane.Watched.ToArray())
        {
            var after = readUpTo;
            while (left > 0)
            {
                var found = await store.GetNextAsync(
                    streams.Subjects.TimerStream, streams.Subjects.Timer(minute, lane.IsNear), after, cancellationToken).ConfigureAwait(false);
                if (found is not { } message)
                {
                    lane.Watched[minute] = after;
                    if (minute < Minute(now))
                    {
                        lane.Watched.Remove(minute);
                    }

                    break;
                }

                left--;
                after = message.Sequence;
                lane.Watched[minute] = after;
                if (lane.Known.TryAdd(message.Sequence, true) && TryRead(message) is { } timer)
                {
                    lane.Due.Enqueue(new(message.Sequence, message.At, timer), message.At + timer.Delay);
                }
            }
        }

        return left == 0;
    }

    private SagaTimer? TryRead(StoredMessage message)
    {
        try
        {
            return SagaCodec.ReadTimer(message.Body);
        }
        catch (Exception failure)
        {
            Log.Unreadable(logger, failure, message.Sequence, streams.Subjects.TimerStream);
            return null;
        }
    }

    private async ValueTask<bool> FireAsync(Lane lane, CancellationToken cancellationToken)
    {
        var now = await clock.NowAsync(cancellationToken).ConfigureAwait(false);
        var due = new List<Pending>();
        while (due.Count < FiresPerRound && lane.Due.TryPeek(out var next, out var at) && at <= now)
        {
            lane.Due.Dequeue();
            due.Add(next);
        }

        try
        {
            await Parallel.ForEachAsync(
                due,
                new ParallelOptions { MaxDegreeOfParallelism = FiresAtOnce, CancellationToken = cancellationToken },
                async (pending, token) =>
                {
                    await FireAsync(pending, token).ConfigureAwait(false);
                    lane.Known.TryRemove(pending.Sequence, out _);
                }).ConfigureAwait(false);
        }
        catch
        {
            foreach (var pending in due)
            {
                if (lane.Known.ContainsKey(pending.Sequence))
                {
                    lane.Due.Enqueue(pending, pending.StoredAt + pending.Timer.Delay);
                }
            }

            throw;
        }

        return due.Count == FiresPerRound;
    }

    private async ValueTask FireAsync(Pending pending, CancellationToken cancellationToken)
    {
        var stream = streams.Subjects.TimerStream;
        if (await store.GetAsync(stream, string.Create(CultureInfo.InvariantCulture, $$"""{"seq":{{pending.Sequence}}}"""), cancellationToken).ConfigureAwait(false) is null)
        {
            return;
        }

        var headers = new NatsHeaders
        {
            [StepHeader] = pending.Timer.StepId,
            ["Nats-Msg-Id"] = string.Create(CultureInfo.InvariantCulture, $"timer-{pending.Sequence}-{pending.StoredAt.ToUnixTimeMilliseconds():x}"),
        };
        await store.PublishAsync(pending.Timer.Id, "item", "timer", default, headers, null, cancellationToken).ConfigureAwait(false);
        await store.DeleteAsync(stream, pending.Sequence, cancellationToken).ConfigureAwait(false);
    }

    private sealed record Pending(ulong Sequence, DateTimeOffset StoredAt, SagaTimer Timer);

    private sealed record Lane(bool IsNear)
    {
        /// <summary>The minutes that are read, and how far.</summary>
        public Dictionary<long, ulong> Watched { get; } = [];

        public PriorityQueue<Pending, DateTimeOffset> Due { get; } = new();

        /// <summary>What is in <see cref="Due"/>.</summary>
        public ConcurrentDictionary<ulong, bool> Known { get; } = new();

        public void Watch(long minute) => Watched.TryAdd(minute, 0);
    }
}
