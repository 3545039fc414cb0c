namespace Topology.Retry.Internal;

/// <summary>The one retry loop. Every overload that does not succeed at once ends up here.</summary>
internal static class RetryLoop
{
    /// <param name="operation">The callback.</param>
    /// <param name="run">The facts so far.</param>
    /// <param name="classifyResult">Judges results; <see langword="null"/> accepts all.</param>
    /// <param name="begun">Whether the first try is already under way as <paramref name="pending"/>, or ended as <paramref name="failure"/>.</param>
    /// <param name="pending">The first try.</param>
    /// <param name="failure">What the first try threw before it returned.</param>
    public static async ValueTask<TReturn> RunAsync<TOperation, T, TReturn, TEnding>(
        TOperation operation, RetryRun run, Func<T, RetryVerdict>? classifyResult, bool begun, ValueTask<T> pending, Exception? failure)
        where TOperation : struct, IRetryOperation<T>
        where TEnding : struct, IRetryEnding<T, TReturn>
    {
        while (true)
        {
            if (!begun)
            {
                if (!run.TryBegin(out var attempt, out var refused))
                {
                    return TEnding.End(run, default, refused);
                }

                failure = null;
                try
                {
#pragma warning disable CA2012 // It is consumed once, below, after its end has been awaited without consuming it.
                    pending = operation.Start(attempt);
#pragma warning restore CA2012
                }
                catch (Exception exception)
                {
                    failure = exception;
                }
            }

            begun = false;
            if (failure is null)
            {
                if (!pending.IsCompleted)
                {
                    await new QuietAwaitable<T>(pending);
                }

                if (pending.IsCompletedSuccessfully)
                {
#pragma warning disable CA1849 // It has completed.
                    var result = pending.Result;
#pragma warning restore CA1849
                    if (!run.MayRetry(run.Judge(classifyResult, result), out var error))
                    {
                        if (error is not null)
                        {
                            await run.DiscardAsync(result).ConfigureAwait(false);
                            return TEnding.End(run, default, error);
                        }

                        return TEnding.End(run, result, null);
                    }

                    await run.DiscardAsync(result).ConfigureAwait(false);
                }
                else
                {
                    failure = QuietAwaitable<T>.FailureOf(pending);
                }
            }

            if (failure is not null && !run.MayRetry(ref failure))
            {
                return TEnding.End(run, default, failure);
            }

            if (run.Delay > TimeSpan.Zero)
            {
                await run.WaitAsync().ConfigureAwait(false);
            }
        }
    }
}
