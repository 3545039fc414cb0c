namespace Topology.Dlq.Internal;

/// <summary>A letter of a queue in memory.</summary>
internal sealed record InMemoryLetter(DeadLetter Letter, long Sequence, DateTimeOffset StoredAt, long Size);

/// <summary>One queue in memory: its letters, marks and consumers. Guarded by its provider's lock.</summary>
internal sealed class InMemoryQueue(DeadLetterQueueOptions options)
{
    private DateTimeOffset _marksExpired;

    public DeadLetterQueueOptions Options { get; } = options;

    public Dictionary<string, InMemoryLetter> Letters { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<long, InMemoryLetter> InOrder { get; } = [];

    public Dictionary<string, (DeadLetterMark Mark, DateTimeOffset WrittenAt)> Marks { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, InMemoryConsumer> Consumers { get; } = new(StringComparer.Ordinal);

    public long LastSequence { get; set; }

    public ulong LastRevision { get; set; }

    public long Bytes { get; set; }

    public bool Remove(InMemoryLetter entry)
    {
        InOrder.Remove(entry.Sequence);
        Bytes -= entry.Size;
        foreach (var consumer in Consumers.Values)
            consumer.Forget(entry);
        return Letters.Remove(entry.Letter.Id);
    }

    public void Expire(DateTimeOffset now)
    {
        while (InOrder.Count > 0 && InOrder.First().Value is var oldest && now - oldest.StoredAt > Options.MaxAge)
            Remove(oldest);

        if (now - _marksExpired < TimeSpan.FromHours(1))
            return;
        _marksExpired = now;
        foreach (var (id, stored) in Marks.ToArray())
        {
            if (now - stored.WrittenAt > Options.MaxAge + TimeSpan.FromDays(1))
                Marks.Remove(id);
        }
    }
}
