namespace Topology.Benchmarks.Dlq;

/// <summary>Lets a consumer that never stops handle one batch at a time.</summary>
internal sealed class Turn
{
    private readonly SemaphoreSlim _permits = new(0);
    private TaskCompletionSource _done = new();
    private int _left;

    /// <summary>Lets so many messages through and waits until each is handled.</summary>
    public Task RunAsync(int messages)
    {
        _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _left, messages);
        _permits.Release(messages);
        return _done.Task.WaitAsync(TimeSpan.FromMinutes(2));
    }

    public Task EnterAsync(CancellationToken cancellationToken) => _permits.WaitAsync(cancellationToken);

    public void Leave()
    {
        if (Interlocked.Decrement(ref _left) == 0)
            _done.TrySetResult();
    }
}
