using System.Runtime.ExceptionServices;

namespace Topology.Retry.Internal;

/// <summary>What the caller gets at the end: a value or a throw, or an outcome.</summary>
internal interface IRetryEnding<T, TReturn>
{
    static abstract TReturn End(in RetryRun run, T? value, Exception? error);
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
}

internal readonly struct OutcomeEnding<T> : IRetryEnding<T, RetryOutcome<T>>
{
    public static RetryOutcome<T> End(in RetryRun run, T? value, Exception? error) =>
        new(run.Stop, value, error, run.Attempts, run.Elapsed);
}
