using System.Collections.Concurrent;

namespace Topology.Saga.Internal;

/// <summary>Tells those who wait in this process for a saga how it settled. A hint only: they look again by themselves too.</summary>
internal sealed class SagaSignals
{
    private readonly ConcurrentDictionary<SagaId, TaskCompletionSource<SagaSnapshot?>> _waiting = new();

    /// <summary>Returns how the saga settled, or null when it is to be looked up.</summary>
    public Task<SagaSnapshot?> Next(SagaId id) =>
        _waiting.GetOrAdd(id, static _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    public void Raise(SagaId id, SagaState? state = null)
    {
        if (_waiting.TryRemove(id, out var signal))
        {
            signal.TrySetResult(state?.Snapshot());
        }
    }
}
