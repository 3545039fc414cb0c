using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace Topology.Saga.Internal;

internal sealed class InMemorySagaDispatcher(TimeProvider time, InMemorySagas sagas) : ISagaDispatcher
{
    private static readonly TimeSpan _longestTimer = TimeSpan.FromDays(40);
    private static readonly TimeSpan _timeBetweenBeats = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, InMemorySagaQueue> _queues = new(StringComparer.Ordinal);
    private long _items;

    public InMemorySagaDispatcher(TimeProvider time)
        : this(time, new())
    {
    }

    public ValueTask<bool> TryStartAsync(SagaStart start, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(start);
        cancellationToken.ThrowIfCancellationRequested();
        var isNew = sagas.Change(start.Id, start, static (saga, start) =>
        {
            var isNew = saga.Start is null;
            saga.Start ??= start;
            return isNew;
        });
        if (isNew)
        {
            Enqueue(NewItem(start.Id, "start", start: start));
        }

        return new(isNew);
    }

    public ValueTask WakeAsync(SagaId id, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Enqueue(NewItem(id, "wake"));
        return default;
    }

    public ValueTask SetTimerAsync(SagaId id, string stepId, TimeSpan delay, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _ = EnqueueLaterAsync(NewItem(id, "timer", stepId), delay);
        return default;
    }

    public ValueTask<SagaStart?> FindStartAsync(SagaId id, CancellationToken cancellationToken)
    {
        if (sagas.Find(id) is not { } saga)
        {
            return default;
        }

        lock (saga)
        {
            return new(saga.Start);
        }
    }

    public ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (sagas.Find(id) is not null)
        {
            sagas.Change(id, 0, static (saga, _) => saga.Start = null);
        }

        return default;
    }

    public async IAsyncEnumerable<ISagaLease> LeaseAsync(
        IReadOnlySet<string> definitions, Func<int> free, Action beat, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // Items of a definition that nobody here knows stay where they are.
        var bell = new SagaBell();
        var queues = definitions.Select(Queue).ToArray();
        foreach (var queue in queues)
        {
            queue.Add(bell);
        }

        using var stops = cancellationToken.UnsafeRegister(static bell => ((SagaBell)bell!).Ring(), bell);
        using var beats = time.CreateTimer(static bell => ((SagaBell)bell!).Ring(), bell, _timeBetweenBeats, _timeBetweenBeats);
        try
        {
            var next = 0u;
            while (!cancellationToken.IsCancellationRequested)
            {
                // In turns: a queue that is never empty keeps no other one waiting.
                Item? item = null;
                for (var i = 0; i < queues.Length && item is null; i++)
                {
                    item = queues[next++ % (uint)queues.Length].Take();
                }

                if (item is not null)
                {
                    yield return item;
                    continue;
                }

                await bell.WaitAsync().ConfigureAwait(false);
                beat();
            }
        }
        finally
        {
            foreach (var queue in queues)
            {
                queue.Remove(bell);
            }
        }
    }

    private async Task EnqueueLaterAsync(Item item, TimeSpan delay)
    {
        // A timer of the platform ends after 49 days; a longer wait takes several.
        for (var left = delay; left > TimeSpan.Zero; left -= _longestTimer)
        {
            await Task.Delay(left < _longestTimer ? left : _longestTimer, time, CancellationToken.None).ConfigureAwait(false);
        }

        Enqueue(item);
    }

    private Item NewItem(SagaId id, string kind, string? timerOf = null, SagaStart? start = null) =>
        new(this, id, string.Create(CultureInfo.InvariantCulture, $"{kind}-{Interlocked.Increment(ref _items)}"), time.GetUtcNow(), timerOf, start);

    private void Enqueue(Item item) => Queue(item.SagaId.Definition).Add(item);

    private InMemorySagaQueue Queue(string definition) => _queues.GetOrAdd(definition, static _ => new());

    /// <summary>An item, and its lease: it left its queue when it was handed out, and nothing is kept of it.</summary>
    internal sealed class Item(InMemorySagaDispatcher dispatcher, SagaId sagaId, string itemId, DateTimeOffset enqueuedAt, string? timerOf, SagaStart? start) : ISagaLease
    {
        public SagaId SagaId => sagaId;

        public string ItemId => itemId;

        public string? TimerOf => timerOf;

        public DateTimeOffset EnqueuedAt => enqueuedAt;

        public SagaStart? FreshStart { get; private set; } = start;

        public ValueTask CompleteAsync(CancellationToken cancellationToken) => default;

        public ValueTask AbandonAsync(TimeSpan delay, CancellationToken cancellationToken)
        {
            FreshStart = null;
            _ = dispatcher.EnqueueLaterAsync(this, delay);
            return default;
        }

        public void Dispose()
        {
            // A process that is gone takes the store with it, so nothing is handed out twice.
        }
    }
}
