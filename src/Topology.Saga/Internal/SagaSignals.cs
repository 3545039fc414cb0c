using System.Collections.Concurrent;

namespace Topology.Saga.Internal;

/// <summary>Tells those who wait in this process for a saga how it settled, and from time to time that they look by themselves.</summary>
/// <remarks>A saga may be run by another process, of which nothing is heard here. One timer serves all who wait.</remarks>
internal sealed class SagaSignals : IDisposable
{
    private static readonly TimeSpan _lookAgain = TimeSpan.FromMilliseconds(250);

    private readonly ITimer _timer;
    private readonly ConcurrentDictionary<SagaId, TaskCompletionSource<SagaSnapshot?>> _waiting = new();
    private int _isSet;

    public SagaSignals(TimeProvider time) =>
        _timer = time.CreateTimer(static signals => ((SagaSignals)signals!).RaiseAll(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    /// <summary>Returns how the saga settled, or null when it is to be looked up.</summary>
    public Task<SagaSnapshot?> Next(SagaId id)
    {
        var signal = _waiting.GetOrAdd(id, static _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        if (Volatile.Read(ref _isSet) == 0 && Interlocked.Exchange(ref _isSet, 1) == 0)
        {
            _timer.Change(_lookAgain, Timeout.InfiniteTimeSpan);
        }

        return signal;
    }

    public void Raise(SagaId id, SagaState? state = null)
    {
        if (_waiting.TryRemove(id, out var signal))
        {
            signal.TrySetResult(state?.Snapshot());
        }
    }

    public void Dispose() => _timer.Dispose();

    private void RaiseAll()
    {
        // Before anybody is told: whoever begins to wait from here on sets the timer again.
        Interlocked.Exchange(ref _isSet, 0);
        foreach (var (id, _) in _waiting)
        {
            Raise(id);
        }
    }
}
