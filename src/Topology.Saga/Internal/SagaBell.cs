using System.Threading.Tasks.Sources;

namespace Topology.Saga.Internal;

/// <summary>Wakes the one who waits for it, or keeps him from waiting the next time; rung twice before he comes, it is rung once. Thread safe.</summary>
/// <remarks>Waiting allocates nothing, so it can be waited for over and over where a task each time would be most of the work.</remarks>
internal sealed class SagaBell : IValueTaskSource
{
    private readonly Lock _lock = new();
    private ManualResetValueTaskSourceCore<bool> _wait;
    private bool _isAwaited;
    private bool _isRung;

    public SagaBell(bool continueElsewhere = true) => _wait.RunContinuationsAsynchronously = continueElsewhere;

    public void Ring()
    {
        lock (_lock)
        {
            _isRung = !_isAwaited;
            if (_isRung)
            {
                return;
            }

            _isAwaited = false;
        }

        _wait.SetResult(true);
    }

    public ValueTask WaitAsync()
    {
        lock (_lock)
        {
            if (_isRung)
            {
                _isRung = false;
                return default;
            }

            _wait.Reset();
            _isAwaited = true;
            return new(this, _wait.Version);
        }
    }

    void IValueTaskSource.GetResult(short token) => _wait.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _wait.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _wait.OnCompleted(continuation, state, token, flags);
}
