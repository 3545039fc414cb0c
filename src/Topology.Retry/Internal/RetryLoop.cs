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
    private readonly TOperation _operation;
    private readonly Func<T, RetryVerdict>? _classifyResult;
    private RetryRun _run;
    private ValueTask<T> _pending;
    private Exception? _failure;
    private T? _value;
    private Task? _disposal;
    private bool _underWay;
    private bool _ended;

    private RetryLoop(TOperation operation, Func<T, RetryVerdict>? classifyResult, RetryProfile profile, TimeSpan? allowed, int maxAttempts, long started, int attempts, CancellationToken caller)
    {
        _operation = operation;
        _classifyResult = classifyResult;
        _run = new RetryRun(profile, allowed, maxAttempts, started, attempts, caller);
    }

    /// <summary>Makes a call from its first try on.</summary>
    public static ValueTask<TReturn> Run(
        TOperation operation, Func<T, RetryVerdict>? classifyResult, RetryProfile profile, TimeSpan? allowed, int maxAttempts, long started, CancellationToken caller) =>
        new RetryLoop<TOperation, T, TReturn, TEnding>(operation, classifyResult, profile, allowed, maxAttempts, started, 0, caller).Run();

    /// <summary>Goes on with a call whose first try has ended as <paramref name="first"/>, or by throwing <paramref name="failure"/>.</summary>
    public static ValueTask<TReturn> Continue(
        TOperation operation, RetryProfile profile, ValueTask<T> first, Exception? failure, CancellationToken caller) =>
        new RetryLoop<TOperation, T, TReturn, TEnding>(operation, null, profile, null, profile.MaxAttempts, started: 0, attempts: 1, caller)
        {
            _pending = first,
            _failure = failure,
            _underWay = true,
        }.Run();

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

    private ValueTask<TReturn> Run() => TryFinish() ? TEnding.EndNow(_run, _value, _failure) : FinishAsync(this);

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
        var again = _run.MayRetry(_run.Judge(_classifyResult, result), out _failure);
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
