namespace Topology.Dlq.Internal;

/// <summary>When each letter is due for one consumer. Scheduling a letter again replaces its earlier time.</summary>
internal sealed class InMemoryConsumer
{
    private readonly PriorityQueue<(InMemoryLetter Entry, long Version), (DateTimeOffset Due, long Sequence)> _due = new();
    private readonly Dictionary<long, long> _versions = [];
    private long _version;

    public void Schedule(InMemoryLetter entry, DateTimeOffset due)
    {
        _versions[entry.Sequence] = ++_version;
        _due.Enqueue((entry, _version), (due, entry.Sequence));
    }

    public bool Knows(InMemoryLetter entry) => _versions.ContainsKey(entry.Sequence);

    public void Forget(InMemoryLetter entry) => _versions.Remove(entry.Sequence);

    public InMemoryLetter? Lend(DateTimeOffset now, TimeSpan time, out DateTimeOffset? due)
    {
        while (_due.TryPeek(out var next, out var when))
        {
            if (_versions.GetValueOrDefault(next.Entry.Sequence) != next.Version)
            {
                _due.Dequeue();
                continue;
            }

            due = when.Due;
            if (due > now)
                return null;
            _due.Dequeue();
            Schedule(next.Entry, now + time);
            return next.Entry;
        }

        due = null;
        return null;
    }
}
