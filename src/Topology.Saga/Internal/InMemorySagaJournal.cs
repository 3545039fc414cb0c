using System.Collections.Concurrent;

namespace Topology.Saga.Internal;

internal sealed class InMemorySagaJournal(TimeProvider time) : ISagaJournal
{
    private readonly ConcurrentDictionary<SagaId, List<SagaStoredEntry>> _sagas = new();

    public ValueTask<SagaAppendResult> AppendAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var entries = _sagas.GetOrAdd(id, static _ => []);
        lock (entries)
        {
            var version = entries.Count == 0 ? 0 : entries[^1].Version;
            if (version != expectedVersion)
            {
                return new(SagaAppendResult.Conflict);
            }

            entries.Add(new(version + 1, time.GetUtcNow(), entry));
            return new(new SagaAppendResult(true, version + 1));
        }
    }

    public ValueTask<IReadOnlyList<SagaStoredEntry>> ReadAsync(SagaId id, long afterVersion, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!_sagas.TryGetValue(id, out var entries))
        {
            return new([]);
        }

        lock (entries)
        {
            // Versions are 1, 2, 3 … here, so a version is also a count.
            return new(entries[(int)Math.Min(afterVersion, entries.Count)..]);
        }
    }
}
