using System.Collections.Concurrent;

namespace Topology.Saga.Internal;

/// <summary>The items of one definition, and the workers that take them. Thread safe.</summary>
internal sealed class InMemorySagaQueue
{
    private readonly ConcurrentQueue<InMemorySagaDispatcher.Item> _items = new();
    private SagaBell[] _bells = [];

    public void Add(InMemorySagaDispatcher.Item item)
    {
        _items.Enqueue(item);
        foreach (var bell in Volatile.Read(ref _bells))
        {
            bell.Ring();
        }
    }

    public InMemorySagaDispatcher.Item? Take() => _items.TryDequeue(out var item) ? item : null;

    /// <summary>From now on this worker is told.</summary>
    public void Add(SagaBell bell)
    {
        lock (_items)
        {
            Volatile.Write(ref _bells, [.. _bells, bell]);
        }
    }

    public void Remove(SagaBell bell)
    {
        lock (_items)
        {
            Volatile.Write(ref _bells, [.. _bells.Where(other => other != bell)]);
        }
    }
}
