using System.Runtime.CompilerServices;

namespace Topology.Saga.Internal;

internal sealed class InMemorySagaJournal(TimeProvider time, InMemorySagas sagas) : ISagaJournal
{
    public InMemorySagaJournal(TimeProvider time)
        : this(time, new())
    {
    }

    public ValueTask<SagaAppendResult> AppendAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken) =>
        Write(id, expectedVersion, entry, compact: false, cancellationToken);

    public ValueTask<SagaAppendResult> CompactAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken) =>
        Write(id, expectedVersion, entry, compact: true, cancellationToken);

    public ValueTask DeleteAsync(SagaId id, long expectedVersion, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        sagas.Change(id, expectedVersion, static (saga, expected) =>
        {
            if (saga.Version == expected)
            {
                saga.Clear();
            }

            return true;
        });
        return default;
    }

    public ValueTask<DateTimeOffset> GetTimeAsync(CancellationToken cancellationToken) => new(time.GetUtcNow());

    public async IAsyncEnumerable<SagaListed> ListAsync(string definition, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        foreach (var (id, saga) in sagas.All)
        {
            cancellationToken.ThrowIfCancellationRequested();
            SagaStoredEntry? last = null;
            if (id.Definition == definition)
            {
                lock (saga)
                {
                    last = saga.Last;
                }
            }

            if (last is not null)
            {
                yield return new(id, last);
            }
        }
    }

    public ValueTask<IReadOnlyList<SagaStoredEntry>> ReadAsync(SagaId id, long afterVersion, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (sagas.Find(id) is not { } saga)
        {
            return new([]);
        }

        lock (saga)
        {
            return new(saga.After(afterVersion));
        }
    }

    private ValueTask<SagaAppendResult> Write(SagaId id, long expectedVersion, SagaEntry entry, bool compact, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return new(sagas.Change(id, (expectedVersion, entry, compact, time), static (saga, write) =>
        {
            if (saga.Version != write.expectedVersion)
            {
                return SagaAppendResult.Conflict;
            }

            if (write.compact)
            {
                saga.Clear();
            }

            var (version, at) = (write.expectedVersion + 1, write.time.GetUtcNow());
            saga.Append(version, at, write.entry);
            return new(true, version, at);
        }));
    }
}
