using System.Runtime.CompilerServices;
using System.Text;

namespace Topology.Dlq.Internal;

/// <summary>Letters and marks in this process: they end with it.</summary>
internal sealed class InMemoryDeadLetterQueueProvider(DeadLetterQueues queues, TimeProvider time) : IDeadLetterQueueProvider
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, InMemoryQueue> _queues = new(StringComparer.Ordinal);
    private TaskCompletionSource _changed = NewSignal();

    public ValueTask<bool> AppendAsync(DeadLetter letter, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            var queue = Open(letter.Queue);
            if (queue.Letters.ContainsKey(letter.Id))
                return ValueTask.FromResult(false);
            var size = SizeOf(letter);
            if (queue.Bytes + size > queue.Options.MaxBytes)
                throw new DeadLetterQueueFullException($"Dead-letter queue '{letter.Queue}' has no room: max_bytes is {queue.Options.MaxBytes}.") { Queue = letter.Queue };

            var entry = new InMemoryLetter(letter with { Body = letter.Body.ToArray() }, ++queue.LastSequence, time.GetUtcNow(), size);
            queue.Letters.Add(letter.Id, entry);
            queue.InOrder.Add(entry.Sequence, entry);
            queue.Bytes += size;
            foreach (var consumer in queue.Consumers.Values)
                consumer.Schedule(entry, entry.StoredAt);
            Signal();
            return ValueTask.FromResult(true);
        }
    }

    public ValueTask<DeadLetter?> FindAsync(string queue, string id, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
            return ValueTask.FromResult(Open(queue).Letters.GetValueOrDefault(id)?.Letter);
    }

    public async IAsyncEnumerable<DeadLetter> ReadAsync(string queue, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        InMemoryLetter[] entries;
        lock (_lock)
            entries = [.. Open(queue).InOrder.Values];
        foreach (var entry in entries)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return entry.Letter;
        }

        await Task.CompletedTask.ConfigureAwait(false);
    }

    public ValueTask<bool> RemoveAsync(string queue, string id, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            var opened = Open(queue);
            return ValueTask.FromResult(opened.Letters.TryGetValue(id, out var entry) && opened.Remove(entry));
        }
    }

    public ValueTask<DeadLetterQueueSample> SampleAsync(string queue, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            var opened = Open(queue);
            return ValueTask.FromResult(new DeadLetterQueueSample(
                opened.Letters.Count, opened.Bytes, opened.InOrder.Count == 0 ? null : opened.InOrder.First().Value.StoredAt));
        }
    }

    public ValueTask<DeadLetterMark> ReadMarkAsync(string queue, string id, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            return ValueTask.FromResult(
                Open(queue).Marks.TryGetValue(id, out var stored) ? stored.Mark : new DeadLetterMark { Queue = queue, Id = id });
        }
    }

    public async IAsyncEnumerable<DeadLetterMark> ReadMarksAsync(string queue, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        DeadLetterMark[] marks;
        lock (_lock)
            marks = [.. Open(queue).Marks.Values.Select(stored => stored.Mark)];
        foreach (var mark in marks)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return mark;
        }

        await Task.CompletedTask.ConfigureAwait(false);
    }

    public ValueTask<ulong?> TryWriteMarkAsync(DeadLetterMark mark, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            var queue = Open(mark.Queue);
            var revision = queue.Marks.TryGetValue(mark.Id, out var stored) ? stored.Mark.Revision : 0;
            if (revision != mark.Revision)
                return ValueTask.FromResult<ulong?>(null);
            var written = mark with { Revision = ++queue.LastRevision };
            queue.Marks[mark.Id] = (written, time.GetUtcNow());
            return ValueTask.FromResult<ulong?>(written.Revision);
        }
    }

    public async IAsyncEnumerable<IDeadLetterDelivery> ReceiveAsync(
        string queue, DeadLetterConsumerOptions consumer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            InMemoryLetter? next;
            TimeSpan wait;
            Task changed;
            lock (_lock)
            {
                next = Subscribe(queue, consumer.Name).Lend(time.GetUtcNow(), consumer.AckWait, out var due);
                wait = due is { } at ? at - time.GetUtcNow() : TimeSpan.MaxValue;
                changed = _changed.Task;
            }

            if (next is not null)
            {
                yield return new Delivery(this, consumer, next);
                continue;
            }

            try
            {
                await changed.WaitAsync(wait < LongestWait ? wait : LongestWait, time, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                if (wait > LongestWait)
                    yield break;
            }
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static long SizeOf(DeadLetter letter)
    {
        long size = letter.Body.Length + Text(letter.Id) + Text(letter.Subject) + Text(letter.Tenant) + Text(letter.Reason)
            + Text(letter.ErrorType) + Text(letter.ErrorMessage) + Text(letter.ErrorStack);
        foreach (var header in letter.Headers)
            size += Text(header.Key) + Text(header.Value);
        return size;

        static int Text(string? value) => value is null ? 0 : Encoding.UTF8.GetByteCount(value);
    }

    private void Signal()
    {
        _changed.TrySetResult();
        _changed = NewSignal();
    }

    private InMemoryQueue Open(string name)
    {
        if (!_queues.TryGetValue(name, out var queue))
            _queues.Add(name, queue = new InMemoryQueue(queues[name]));
        queue.Expire(time.GetUtcNow());
        return queue;
    }

    private InMemoryConsumer Subscribe(string queue, string name)
    {
        var opened = Open(queue);
        if (!opened.Consumers.TryGetValue(name, out var consumer))
        {
            opened.Consumers.Add(name, consumer = new InMemoryConsumer());
            foreach (var entry in opened.InOrder.Values)
                consumer.Schedule(entry, entry.StoredAt);
        }

        return consumer;
    }

    private void Reschedule(InMemoryLetter entry, DeadLetterConsumerOptions consumer, TimeSpan delay)
    {
        lock (_lock)
        {
            var known = Subscribe(entry.Letter.Queue, consumer.Name);
            if (known.Knows(entry))
                known.Schedule(entry, time.GetUtcNow() + delay);
            Signal();
        }
    }

    private void Settle(InMemoryLetter entry, DeadLetterConsumerOptions consumer)
    {
        lock (_lock)
            Subscribe(entry.Letter.Queue, consumer.Name).Forget(entry);
    }

    private sealed class Delivery(InMemoryDeadLetterQueueProvider provider, DeadLetterConsumerOptions consumer, InMemoryLetter entry) : IDeadLetterDelivery
    {
        public DeadLetter Letter => entry.Letter;

        public ValueTask RenewAsync(CancellationToken cancellationToken) => PutBackAsync(consumer.AckWait, cancellationToken);

        public ValueTask SettleAsync(CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            provider.Settle(entry, consumer);
            return ValueTask.CompletedTask;
        }

        public ValueTask PutBackAsync(TimeSpan delay, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            provider.Reschedule(entry, consumer, delay);
            return ValueTask.CompletedTask;
        }
    }
}
