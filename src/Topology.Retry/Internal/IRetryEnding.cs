using System.Runtime.ExceptionServices;

namespace Topology.Retry.Internal;

/// <summary>What the caller gets at the end: a value or a failure, or an outcome.</summary>
internal interface IRetryEnding<T, TReturn>
{
    /// <summary>Ends a call that is being awaited.</summary>
    static abstract TReturn End(in RetryRun run, T? value, Exception? error);

    /// <summary>Ends a call that never had to wait.</summary>
    static abstract ValueTask<TReturn> EndNow(in RetryRun run, T? value, Exception? error);
}

internal readonly struct ThrowEnding<T> : IRetryEnding<T, T>
{
    public static T End(in RetryRun run, T? value, Exception? error)
    {
        if (error is not null)
        {
            ExceptionDispatchInfo.Throw(error);
        }

        return value!;
    }

    // A failed task made without throwing saves one throw; only a thrown cancellation makes a cancelled task that keeps its cause.
    public static ValueTask<T> EndNow(in RetryRun run, T? value, Exception? error) => error switch
    {
        null => new ValueTask<T>(value!),
        OperationCanceledException => CancelledAsync(error),
        _ => ValueTask.FromException<T>(error),
    };

#pragma warning disable CS1998 // Throwing inside an async method is its purpose.
    private static async ValueTask<T> CancelledAsync(Exception error)
    {
        ExceptionDispatchInfo.Throw(error);
        return default!;
    }
#pragma warning restore CS1998
}

internal readonly struct OutcomeEnding<T> : IRetryEnding<T, RetryOutcome<T>>
{
    public static RetryOutcome<T> End(in RetryRun run, T? value, Exception? error) => new(run.Stop, value, error, run.Attempts, run.Elapsed);

    public static ValueTask<RetryOutcome<T>> EndNow(in RetryRun run, T? value, Exception? error) => new(End(run, value, error));
}
