using System.Collections.Concurrent;

namespace Topology.Saga.Internal;

internal sealed class InMemorySagaInbox : ISagaInbox
{
    private readonly ConcurrentDictionary<SagaId, Box> _sagas = new();

    public ValueTask<long> PostAsync(SagaId id, SagaMessage message, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var box = _sagas.GetOrAdd(id, static _ => new());
        lock (box)
        {
            box.Entries.Add(new(box.Entries.Count + 1, message));
            box.News?.SetResult();
            box.News = null;
            return new(box.Entries.Count);
        }
    }

    public ValueTask<IReadOnlyList<SagaInboxEntry>> ReadAsync(SagaId id, long afterSequence, bool mayLag, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!_sagas.TryGetValue(id, out var box))
        {
            return new([]);
        }

        lock (box)
        {
            return afterSequence >= box.Entries.Count ? new([]) : new(box.Entries[(int)afterSequence..]);
        }
    }

    public Task WaitAsync(SagaId id, long afterSequence, CancellationToken cancellationToken)
    {
        var box = _sagas.GetOrAdd(id, static _ => new());
        lock (box)
        {
            if (box.Entries.Count > afterSequence)
            {
                return Task.CompletedTask;
            }

            box.News ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return box.News.Task.WaitAsync(cancellationToken);
        }
    }

    public ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _sagas.TryRemove(id, out _);
        return default;
    }

    private sealed class Box
    {
        public List<SagaInboxEntry> Entries { get; } = [];

        public TaskCompletionSource? News { get; set; }
    }
}
