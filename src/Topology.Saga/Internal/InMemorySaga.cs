namespace Topology.Saga.Internal;

/// <summary>What this process remembers of one saga. Changed and read under its lock.</summary>
/// <remarks>It outlives the saga by days, so it is made of few objects: an entry is kept as its parts and made anew for whoever reads it.</remarks>
internal sealed class InMemorySaga
{
    private Stored[] _entries = [];
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

    public SagaStoredEntry? Last => _count == 0 ? null : _entries[_count - 1].Entry();

    public void Append(long version, DateTimeOffset at, SagaEntry entry)
    {
        if (_count == _entries.Length)
        {
            // Most sagas have four steps or fewer, and write once for each and once for the start.
            Array.Resize(ref _entries, _count == 0 ? 5 : _count * 2);
        }

        _entries[_count++] = new(version, at, entry.Writer, entry.Events.Count == 1 ? entry.Events[0] : entry.Events);
    }

    public void Clear()
    {
        _entries = [];
        _count = 0;
    }

    public SagaStoredEntry[] After(long version)
    {
        var first = _count;
        while (first > 0 && _entries[first - 1].Version > version)
        {
            first--;
        }

        return first == _count ? [] : Array.ConvertAll(_entries[first.._count], static stored => stored.Entry());
    }

    private readonly record struct Stored(long Version, DateTimeOffset At, Guid Writer, object Events)
    {
        public SagaStoredEntry Entry() => new(Version, At, new(Writer, Events as IReadOnlyList<SagaEvent> ?? [(SagaEvent)Events]));
    }
}
