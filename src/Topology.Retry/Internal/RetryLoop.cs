using System.Runtime.CompilerServices;

namespace Topology.Retry.Internal;

/// <summary>The one retry loop. Every call that does not succeed at once goes through it.</summary>
/// <remarks>
/// It runs as far as it can without waiting, so a call that ends synchronously needs no task; <see cref="FinishAsync"/> waits for the rest.
/// </remarks>
/// <typeparam name="TOperation">The shape of the callback.</typeparam>
/// <typeparam name="T">The type of the result.</typeparam>
/// <typeparam name="TReturn">What the caller gets.</typeparam>
/// <typeparam name="TEnding">How the caller gets it.</typeparam>
internal struct RetryLoop<TOperation, T, TReturn, TEnding>
    where TOperation : struct, IRetryOperation<T>
    where TEnding : struct, IRetryEnding<T, TReturn>
{
    private TOperation _operation;
    private Func<T, RetryVerdict>? _classifyResult;
    private RetryRun _run;
    private ValueTask<T> _pending;
    private Exception? _failure;
    private T? _value;
    private Task? _disposal;
    private bool _underWay;
    private bool _ended;

    /// <summary>Makes a call from its first try on.</summary>
    public static ValueTask<TReturn> Run(
        in TOperation operation, Func<T, RetryVerdict>? classifyResult, RetryProfile profile, TimeSpan? allowed, int maxAttempts, long started, CancellationToken caller)
    {
        RetryLoop<TOperation, T, TReturn, TEnding> loop = default;
        loop._operation = operation;
        loop._classifyResult = classifyResult;
        loop._run.Open(profile, allowed, maxAttempts, started, attempts: 0, caller);
        return loop.TryFinish() ? TEnding.EndNow(loop._run, loop._value, loop._failure) : Finish(ref loop);
    }

    /// <summary>Goes on with a call whose first try has ended as <paramref name="first"/>, or by throwing <paramref name="failure"/>.</summary>
    public static ValueTask<TReturn> Continue(in TOperation operation, RetryProfile profile, ValueTask<T> first, Exception? failure, CancellationToken caller)
    {
        RetryLoop<TOperation, T, TReturn, TEnding> loop = default;
        loop._operation = operation;
        loop._run.Open(profile, allowed: null, profile.MaxAttempts, started: 0, attempts: 1, caller);
        loop._pending = first;
        loop._failure = failure;
        loop._underWay = true;
        return loop.TryFinish() ? TEnding.EndNow(loop._run, loop._value, loop._failure) : Finish(ref loop);
    }

    // Not inlined: the copy that the task keeps would cost every call that needs no task a second large frame.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ValueTask<TReturn> Finish(ref RetryLoop<TOperation, T, TReturn, TEnding> loop) => FinishAsync(loop);

    private static async ValueTask<TReturn> FinishAsync(RetryLoop<TOperation, T, TReturn, TEnding> loop)
    {
        do
        {
            if (loop._underWay)
            {
                await new QuietAwaitable<T>(loop._pending);
            }
            else
            {
                if (loop._disposal is { } disposal)
                {
                    await disposal.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    loop._disposal = null;
                }

                if (!loop._ended && loop._run.Delay > TimeSpan.Zero)
                {
                    await loop._run.WaitAsync().ConfigureAwait(false);
                }
            }
        }
        while (!loop.TryFinish());

        return TEnding.End(loop._run, loop._value, loop._failure);
    }

    /// <summary>Runs until the call has ended (<see langword="true"/>) or something must be awaited.</summary>
    private bool TryFinish()
    {
        while (!_ended)
        {
            if (!_underWay)
            {
                if (!_run.TryBegin(out var attempt, out _failure))
                {
                    return true;
                }

                Start(attempt);
            }

            if (_failure is null && !_pending.IsCompleted)
            {
                return false;
            }

            _underWay = false;
            _ended = !MayRetry();
            if (_disposal is not null || (!_ended && _run.Delay > TimeSpan.Zero))
            {
                return false;
            }
        }

        return true;
    }

    private void Start(in RetryAttempt attempt)
    {
        _underWay = true;
        try
        {
#pragma warning disable CA2012 // It is consumed once, in MayRetry; until then its end is awaited without consuming it.
            _pending = _operation.Start(attempt);
#pragma warning restore CA2012
        }
        catch (Exception exception)
        {
            _failure = exception;
        }
    }

    private bool MayRetry()
    {
        if (_failure is null)
        {
            if (_pending.IsCompletedSuccessfully)
            {
                return MayRetryResult();
            }

            _failure = QuietAwaitable<T>.FailureOf(_pending);
        }

        return _run.MayRetry(ref _failure);
    }

    private bool MayRetryResult()
    {
#pragma warning disable CA1849 // It has completed.
        var result = _pending.Result;
#pragma warning restore CA1849
        RetryVerdict verdict = default;
        if (_classifyResult is not null)
        {
            try
            {
                verdict = _classifyResult(result);
            }
            catch (Exception exception)
            {
                _run.ClassifierFailed(exception);
            }
        }

        var again = _run.MayRetry(verdict, out _failure);
        if (again || _failure is not null)
        {
            _disposal = _run.Discard(result);
        }
        else
        {
            _value = result;
        }

        return again;
    }
}
