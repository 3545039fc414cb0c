namespace Topology.Saga.Internal;

/// <summary>What this process remembers of one saga. Changed and read under its lock.</summary>
internal sealed class InMemorySaga
{
    private SagaStoredEntry[] _entries = [];
    private int _count;

    public SagaStart? Start { get; set; }

    public List<SagaInboxEntry>? Messages { get; set; }

    /// <summary>The latest of those who wait for a message; each knows the one before.</summary>
    public InMemorySagaWait? Waiting { get; set; }

    public InMemorySagaEffects? Effects { get; set; }

    /// <summary>Whether it was removed after somebody had found it.</summary>
    public bool IsGone { get; set; }

    public bool IsEmpty => _count == 0 && Start is null && Messages is null && Waiting is null && Effects is null;

    public long Version => _count == 0 ? 0 : _entries[_count - 1].Version;

    public SagaStoredEntry? Last => _count == 0 ? null : _entries[_count - 1];

    public void Append(SagaStoredEntry entry)
    {
        if (_count == _entries.Length)
        {
            // Most sagas have four steps or fewer and write once for each, and once for the start.
            Array.Resize(ref _entries, _count == 0 ? 5 : _count * 2);
        }

        _entries[_count++] = entry;
    }

    /// <summary>Keeps nothing but one entry, or nothing. Whoever has read before keeps what he has read.</summary>
    public void Replace(SagaStoredEntry? entry)
    {
        _entries = entry is { } kept ? [kept] : [];
        _count = _entries.Length;
    }

    public IReadOnlyList<SagaStoredEntry> After(long version)
    {
        var first = _count;
        while (first > 0 && _entries[first - 1].Version > version)
        {
            first--;
        }

        // What was written is never written over, so that it can be handed out as it is.
        return first < _count ? new ArraySegment<SagaStoredEntry>(_entries, first, _count - first) : Array.Empty<SagaStoredEntry>();
    }
}
