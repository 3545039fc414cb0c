using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace Topology.Saga.Internal;

internal sealed class InMemorySagaJournal(TimeProvider time) : ISagaJournal
{
    private readonly ConcurrentDictionary<SagaId, Log> _sagas = new();

    public ValueTask<SagaAppendResult> AppendAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken) =>
        Write(id, expectedVersion, entry, compact: false, cancellationToken);

    public ValueTask<SagaAppendResult> CompactAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken) =>
        Write(id, expectedVersion, entry, compact: true, cancellationToken);

    public ValueTask DeleteAsync(SagaId id, long expectedVersion, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_sagas.TryGetValue(id, out var log))
        {
            lock (log)
            {
                if (log.Version == expectedVersion && _sagas.TryRemove(new(id, log)))
                {
                    log.IsGone = true;
                }
            }
        }

        return default;
    }

    public ValueTask<DateTimeOffset> GetTimeAsync(CancellationToken cancellationToken) => new(time.GetUtcNow());

    public async IAsyncEnumerable<SagaListed> ListAsync(string definition, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        foreach (var (id, log) in _sagas)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (id.Definition == definition && log.Last is { } last)
            {
                yield return new(id, last);
            }
        }
    }

    public ValueTask<IReadOnlyList<SagaStoredEntry>> ReadAsync(SagaId id, long afterVersion, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!_sagas.TryGetValue(id, out var log))
        {
            return new([]);
        }

        lock (log)
        {
            if (log.Version <= afterVersion)
            {
                return new([]);
            }

            var first = log.Entries.FindIndex(stored => stored.Version > afterVersion);
            return new(log.Entries[first..]);
        }
    }

    private ValueTask<SagaAppendResult> Write(SagaId id, long expectedVersion, SagaEntry entry, bool compact, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        while (true)
        {
            var log = _sagas.GetOrAdd(id, static _ => new());
            lock (log)
            {
                if (log.IsGone)
                {
                    continue;
                }

                if (log.Version != expectedVersion)
                {
                    return new(SagaAppendResult.Conflict);
                }

                if (compact)
                {
                    log.Entries.Clear();
                    log.Entries.Capacity = 1;
                }

                var stored = new SagaStoredEntry(expectedVersion + 1, time.GetUtcNow(), entry);
                log.Entries.Add(stored);
                log.Last = stored;
                return new(new SagaAppendResult(true, stored.Version, stored.At));
            }
        }
    }

    private sealed class Log
    {
        private volatile SagaStoredEntry? _last;

        public List<SagaStoredEntry> Entries { get; } = new(6);

        public SagaStoredEntry? Last
        {
            get => _last;
            set => _last = value;
        }

        public long Version => _last?.Version ?? 0;

        /// <summary>Whether it was deleted after somebody had found it.</summary>
        public bool IsGone { get; set; }
    }
}
