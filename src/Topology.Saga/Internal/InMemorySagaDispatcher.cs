using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Topology.Saga.Internal;

internal sealed class InMemorySagaDispatcher(TimeProvider time) : ISagaDispatcher
{
    private const int ReadAhead = 64;
    private static readonly TimeSpan _longestTimer = TimeSpan.FromDays(40);
    private static readonly TimeSpan _timeBetweenBeats = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, Channel<Item>> _queues = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<SagaId, SagaStart> _starts = new();
    private long _items;

    public ValueTask<bool> TryStartAsync(SagaStart start, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var isNew = _starts.TryAdd(start.Id, start);
        if (isNew)
        {
            Enqueue(NewItem(start.Id, "start"));
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
        _ = EnqueueLaterAsync(NewItem(id, "timer") with { TimerOf = stepId }, delay);
        return default;
    }

    public ValueTask<SagaStart?> FindStartAsync(SagaId id, CancellationToken cancellationToken) => new(_starts.GetValueOrDefault(id));

    public ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _starts.TryRemove(id, out _);
        return default;
    }

    public async IAsyncEnumerable<ISagaLease> LeaseAsync(
        IReadOnlySet<string> definitions, Func<int> free, Action beat, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // One reader merges the definitions' queues; items of a definition that nobody here knows stay where they are. A null is a beat.
        var merged = Channel.CreateBounded<Item?>(new BoundedChannelOptions(ReadAhead) { SingleReader = true });
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _ = PumpBeatsAsync(merged.Writer, ended.Token);
        foreach (var name in definitions)
        {
            _ = PumpAsync(Queue(name).Reader, merged.Writer, ended.Token);
        }

        try
        {
            while (await WaitAsync(merged.Reader, cancellationToken).ConfigureAwait(false))
            {
                beat();
                if (merged.Reader.TryRead(out var item) && item is not null)
                {
                    yield return new Lease(this, item);
                }
            }
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            merged.Writer.Complete();
            while (merged.Reader.TryRead(out var item))
            {
                Enqueue(item);
            }
        }
    }

    private static async Task<bool> WaitAsync(ChannelReader<Item?> reader, CancellationToken cancellationToken)
    {
        try
        {
            return await reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private async Task PumpBeatsAsync(ChannelWriter<Item?> to, CancellationToken cancellationToken)
    {
        while (true)
        {
            await Task.Delay(_timeBetweenBeats, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (cancellationToken.IsCancellationRequested)
            {
                return;
            }

            // When there is no room an item is waiting, and that is a beat too.
            to.TryWrite(null);
        }
    }

    private async Task PumpAsync(ChannelReader<Item> from, ChannelWriter<Item?> to, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var item = await from.ReadAsync(cancellationToken).ConfigureAwait(false);
                try
                {
                    await to.WriteAsync(item, cancellationToken).ConfigureAwait(false);
                }
                catch (Exception error) when (error is OperationCanceledException or ChannelClosedException)
                {
                    Enqueue(item);
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The worker has stopped.
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

    private Item NewItem(SagaId id, string kind) => new(id, $"{kind}-{Interlocked.Increment(ref _items)}", time.GetUtcNow());

    private void Enqueue(Item? item)
    {
        if (item is not null)
        {
            Queue(item.Id.Definition).Writer.TryWrite(item);
        }
    }

    private Channel<Item> Queue(string definition) => _queues.GetOrAdd(definition, static _ => Channel.CreateUnbounded<Item>());

    private sealed record Item(SagaId Id, string ItemId, DateTimeOffset EnqueuedAt)
    {
        public string? TimerOf { get; init; }
    }

    private sealed class Lease(InMemorySagaDispatcher dispatcher, Item item) : ISagaLease
    {
        public SagaId SagaId => item.Id;

        public string ItemId => item.ItemId;

        public string? TimerOf => item.TimerOf;

        public DateTimeOffset EnqueuedAt => item.EnqueuedAt;

        // The item left its queue when it was handed out; nothing is kept of it.
        public ValueTask CompleteAsync(CancellationToken cancellationToken) => default;

        public ValueTask AbandonAsync(TimeSpan delay, CancellationToken cancellationToken)
        {
            _ = dispatcher.EnqueueLaterAsync(item, delay);
            return default;
        }

        public void Dispose()
        {
            // A process that is gone takes the store with it, so nothing is handed out twice.
        }
    }
}
