using System.Runtime.CompilerServices;

namespace Topology.Retry.Internal;

/// <summary>Waits for a call to end without consuming it, so that a failure is read instead of thrown once more.</summary>
internal readonly struct QuietAwaitable<T>(ValueTask<T> pending) : ICriticalNotifyCompletion
{
    private readonly ValueTask<T> _pending = pending;

    public bool IsCompleted => _pending.IsCompleted;

    public QuietAwaitable<T> GetAwaiter() => this;

    public void GetResult()
    {
    }

    public void OnCompleted(Action continuation) => _pending.ConfigureAwait(false).GetAwaiter().OnCompleted(continuation);

    public void UnsafeOnCompleted(Action continuation) => _pending.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(continuation);

    /// <summary>Consumes a call that ended in failure and returns the failure, with its stack trace.</summary>
    public static Exception FailureOf(ValueTask<T> failed)
    {
        var task = failed.AsTask();
        return task.IsCanceled ? Thrown(task) : task.Exception!.InnerException!;
    }

    private static Exception Thrown(Task<T> cancelled)
    {
        try
        {
            // A cancelled task carries its own exception (with token and stack) only here.
            cancelled.GetAwaiter().GetResult();
            return new TaskCanceledException(cancelled);
        }
        catch (OperationCanceledException exception)
        {
            return exception;
        }
    }
}
