using System.Collections.Concurrent;

namespace Topology.Saga.Internal;

/// <summary>What this process knows of its sagas without asking the store.</summary>
internal sealed class SagaBoard
{
    private readonly ConcurrentDictionary<SagaId, byte> _resting = new();
    private int _running;

    public int Running => Volatile.Read(ref _running);

    public int Resting => _resting.Count;

    public void Begin() => Interlocked.Increment(ref _running);

    /// <summary>Notes where the slice of a saga's run ended; null when it was given back.</summary>
    public void End(SagaId id, SagaStatus? status)
    {
        Interlocked.Decrement(ref _running);
        if (status is SagaStatus.CompensationFailed or SagaStatus.Stuck or SagaStatus.Parked)
        {
            _resting[id] = 0;
        }
        else if (status is not null)
        {
            _resting.TryRemove(id, out _);
        }
    }
}
