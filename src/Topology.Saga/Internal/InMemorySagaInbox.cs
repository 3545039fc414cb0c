using System.Collections.Concurrent;

namespace Topology.Saga.Internal;

internal sealed class InMemorySagaInbox : ISagaInbox
{
    private readonly ConcurrentDictionary<SagaId, List<SagaInboxEntry>> _sagas = new();

    public ValueTask<long> PostAsync(SagaId id, SagaCommand command, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var entries = _sagas.GetOrAdd(id, static _ => []);
        lock (entries)
        {
            entries.Add(new(entries.Count + 1, command));
            return new(entries.Count);
        }
    }

    public ValueTask<IReadOnlyList<SagaInboxEntry>> ReadAsync(SagaId id, long afterSequence, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!_sagas.TryGetValue(id, out var entries))
        {
            return new([]);
        }

        lock (entries)
        {
            return new(entries[(int)Math.Min(afterSequence, entries.Count)..]);
        }
    }
}
