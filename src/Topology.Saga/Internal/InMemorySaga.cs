namespace Topology.Saga.Internal;

/// <summary>What this process remembers of one saga. Changed and read under its lock.</summary>
/// <remarks>It outlives the saga by days, so it is made of few objects: an entry is kept as its parts and made anew for whoever reads it.</remarks>
internal sealed class InMemorySaga
{
    private Stored[] _entries = [];
    private int _count;
    private long _versionBefore;

    public SagaStart? Start { get; set; }

    public List<SagaInboxEntry>? Messages { get; set; }

    /// <summary>The latest of those who listen for a message; each knows the one before.</summary>
    public InMemorySagaListening? Listening { get; set; }

    public InMemorySagaEffects? Effects { get; set; }

    /// <summary>Whether it was removed after somebody had found it.</summary>
    public bool IsGone { get; set; }

    public bool IsEmpty => _count == 0 && Start is null && Messages is null && Listening is null && Effects is null;

    /// <summary>Grows by one with each entry.</summary>
    public long Version => _count == 0 ? 0 : _versionBefore + _count;

    public SagaStoredEntry? Last => _count == 0 ? null : Entry(_count - 1);

    public void Append(long version, DateTimeOffset at, SagaEntry entry)
    {
        if (_count == _entries.Length)
        {
            // Most sagas have four steps or fewer, and write once for each and once for the start.
            Array.Resize(ref _entries, _count == 0 ? 5 : _count * 2);
        }

        _versionBefore = version - 1 - _count;
        _entries[_count++] = new(at.UtcTicks, entry.Writer, entry.Events.Count == 1 ? entry.Events[0] : entry.Events);
    }

    public void Clear()
    {
        _entries = [];
        _count = 0;
    }

    public SagaStoredEntry[] After(long version)
    {
        var first = (int)Math.Clamp(version - _versionBefore, 0, _count);
        if (first == _count)
        {
            return [];
        }

        var entries = new SagaStoredEntry[_count - first];
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] = Entry(first + i);
        }

        return entries;
    }

    private SagaStoredEntry Entry(int index)
    {
        var (ticks, writer, events) = _entries[index];
        return new(_versionBefore + index + 1, new DateTimeOffset(ticks, TimeSpan.Zero), new(writer, events as IReadOnlyList<SagaEvent> ?? [(SagaEvent)events]));
    }

    private readonly record struct Stored(long At, Guid Writer, object Events);
}
