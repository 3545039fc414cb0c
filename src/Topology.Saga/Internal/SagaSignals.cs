using System.Collections.Concurrent;

namespace Topology.Saga.Internal;

/// <summary>Wakes those who wait in this process for a saga to settle. A hint only: they look again by themselves too.</summary>
internal sealed class SagaSignals
{
    private readonly ConcurrentDictionary<SagaId, TaskCompletionSource> _waiting = new();

    public Task Next(SagaId id) =>
        _waiting.GetOrAdd(id, static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    public void Raise(SagaId id)
    {
        if (_waiting.TryRemove(id, out var signal))
        {
            signal.TrySetResult();
        }
    }
}
