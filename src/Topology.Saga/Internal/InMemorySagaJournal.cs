using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

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

            var at = time.GetUtcNow();
            entries.Add(new(version + 1, at, entry));
            return new(new SagaAppendResult(true, version + 1, at));
        }
    }

    public ValueTask<DateTimeOffset> GetTimeAsync(CancellationToken cancellationToken) => new(time.GetUtcNow());

    public async IAsyncEnumerable<SagaId> ListAsync(string definition, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        foreach (var id in _sagas.Keys)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (id.Definition == definition)
            {
                yield return id;
            }
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
