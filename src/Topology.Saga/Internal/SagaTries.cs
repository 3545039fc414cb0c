using System.Diagnostics;
using System.Runtime.CompilerServices;
using Topology.Retry;

namespace Topology.Saga.Internal;

/// <summary>Makes the tries of a saga's steps and compensations, one at a time, and says how they ended. Used again for other sagas.</summary>
internal sealed class SagaTries(SagaRuntime runtime) : IDisposable
{
    private static readonly TimeSpan _pauseWhileStoreIsAway = TimeSpan.FromSeconds(1);

    /// <summary>Rung when a try has ended, and when there may be news.</summary>
    private readonly SagaBell _bell = new(continueElsewhere: false);

    private Action? _ended;
    private volatile bool _isRunning;
    private Task? _news;
    private long _newsAfter;
    private CancellationTokenSource? _over;
    private Plan _plan;
    private Action? _ring;
    private Func<ValueTask<SagaValue>>? _run;
    private CancellationToken _stopping;
    private CancellationTokenRegistration _stops;
    private TimeSpan _timeout;
    private CancellationTokenSource? _token;
    private SagaTry? _try;

    public void Begin(CancellationToken stopping) => _stopping = stopping;

    /// <summary>Lets go of everything that is one saga's; returns whether it can be used for another.</summary>
    public bool End()
    {
        _over?.Cancel();
        _over?.Dispose();
        _ = _news?.Exception;
        (_over, _news, _try, _plan) = (null, null, null, default);

        // What is left of the last try's registrations goes, so that nobody hears of another saga's end.
        _stops.Dispose();
        _stops = default;
        return _token is null || _token.TryReset();
    }

    public void Dispose()
    {
        _over?.Dispose();
        _stops.Dispose();
        _token?.Dispose();
    }

    /// <summary>Returns the result, why there is none, or neither when the saga must turn back at once.</summary>
    public ValueTask<Outcome> RunAsync(in Plan plan)
    {
        _plan = plan;
        return RunAsync();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Outcome> RunAsync()
    {
        // A refusal proves that there was no effect only when no earlier try can have had one.
        var ambiguous = _plan.State.HeadWasTried;
        var previous = TimeSpan.Zero;
        var started = runtime.Time.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            var left = _plan.Left - runtime.Time.GetElapsedTime(started);
            var tried = await TryAsync(attempt, left).ConfigureAwait(false);
            if (tried.Error is not { } error)
            {
                return new(tried.Result, null);
            }

            var rejected = !_plan.Undo && error is SagaRejectedException;
            if (rejected && !ambiguous)
            {
                return new(null, SagaFailure.From(_plan.Id, error, rejected: true, attempt));
            }

            if (await _plan.MustTurnBack().ConfigureAwait(false))
            {
                return default;
            }

            // A compensation is tried as often as its row says; only a step ends at an error that no retry can mend. Neither undercuts the
            // time that a failure asks for, nor keeps a slot for longer than the profile allows.
            var verdict = _plan.Policy.Classify(error);
            var stops = (!_plan.Undo && verdict.Kind == RetryVerdictKind.Stop) || verdict.NotBefore > _plan.Policy.MaxServerDelay;
            if (attempt >= _plan.MaxAttempts || rejected || stops)
            {
                return new(null, SagaFailure.From(_plan.Id, error, rejected: false, attempt));
            }

            ambiguous = true;
            var delay = _plan.Policy.NextDelay(attempt, previous);
            previous = delay;
            delay = verdict.NotBefore is { } hint && hint > delay ? hint : delay;
            Log.TryFailed(runtime.Logger, _plan.State.Id, _plan.Id, _plan.Undo ? "undo" : "do", attempt, delay, error.GetType().Name);
            if (await PauseAsync(delay, started).ConfigureAwait(false))
            {
                return default;
            }

            // Nothing is written between tries, so nothing else would tell an owner that it was replaced meanwhile.
            if ((await runtime.Journal.ReadAsync(_plan.State.Id, _plan.State.Version, _stopping).ConfigureAwait(false)).Count > 0)
            {
                throw new SagaFencedException(_plan.State.Id);
            }
        }
    }

    /// <summary>Lets the time between two tries pass; returns true when the saga must turn back meanwhile.</summary>
    private async Task<bool> PauseAsync(TimeSpan delay, long started)
    {
        var left = _plan.Left - runtime.Time.GetElapsedTime(started);
        var begun = runtime.Time.GetTimestamp();
        while (true)
        {
            if (await _plan.MustTurnBack().ConfigureAwait(false))
            {
                return true;
            }

            var rest = delay - runtime.Time.GetElapsedTime(begun);
            if (rest <= TimeSpan.Zero)
            {
                return false;
            }

            using var over = CancellationTokenSource.CreateLinkedTokenSource(_stopping);
            var news = News(_plan.State);
            var first = await Task.WhenAny(Task.Delay(left < rest ? Positive(left.Value) : rest, runtime.Time, over.Token), news).ConfigureAwait(false);
            await over.CancelAsync().ConfigureAwait(false);
            _stopping.ThrowIfCancellationRequested();
            if (first == news)
            {
                _news = null;
                await news.ConfigureAwait(false);
            }

            left = _plan.Left - runtime.Time.GetElapsedTime(started);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Tried> TryAsync(int attempt, TimeSpan? left)
    {
        var token = Token();
        var @try = _try = new SagaTry(_plan.State, _plan.StepState, _plan.Undo, attempt, runtime.Scopes);
        _timeout = left < _plan.Timeout ? Positive(left.Value) : _plan.Timeout;
        await using var disposal = @try.ConfigureAwait(false);
        using var span = SagaTracing.Try(@try);
        var begun = runtime.Metrics.MeasuresTries ? runtime.Time.GetTimestamp() : 0;
        try
        {
            // The guard's own exceptions are told from the effect's by the try.
            var running = runtime.Guard.ExecuteAsync(@try.Key, _run ??= RunEffectAsync, _stopping);
            var result = running.IsCompleted ? await running.ConfigureAwait(false) : await WatchAsync(@try, running, token).ConfigureAwait(false);
            runtime.Metrics.Tried(@try, runtime.Time, begun, null);
            return new(result, null);
        }
        catch (Exception error) when (ReferenceEquals(error, @try.Failed) || error is SagaSealedException or SagaOutcomeUnknownException)
        {
            // Told apart by the token, not by the type: a host that stops leaves the saga for recovery, a try that took too long failed.
            _stopping.ThrowIfCancellationRequested();
            var timedOut = token.IsCancellationRequested && !@try.IsTurnedBack && error is OperationCanceledException;
            var failure = timedOut ? new TimeoutException($"The try took longer than its timeout of {_plan.Timeout}.", error) : error;
            span?.SetStatus(ActivityStatusCode.Error, failure.GetType().Name);
            runtime.Metrics.Tried(@try, runtime.Time, begun, failure);
            return new(null, failure);
        }
        finally
        {
            token.CancelAfter(Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Called by the guard: waiting for an effect that is in progress elsewhere is not a try.</summary>
    private ValueTask<SagaValue> RunEffectAsync()
    {
        _token!.CancelAfter(_timeout);
        return _plan.Effect(_try!, _token.Token);
    }

    /// <summary>Waits for the effect to return, however long it takes, and cancels it when the saga must turn back.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<SagaValue> WatchAsync(SagaTry @try, ValueTask<SagaValue> running, CancellationTokenSource token)
    {
        // From here on the effect is not asked whether it has ended: what tells so may be another's by then.
        _isRunning = true;
        running.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(_ended ??= OnEnded);
        try
        {
            while (_isRunning)
            {
                if (!token.IsCancellationRequested && News(_plan.State) is { IsCompleted: true } news)
                {
                    await HearAsync(@try, news, token).ConfigureAwait(false);
                }
                else
                {
                    await _bell.WaitAsync().ConfigureAwait(false);
                }
            }
        }
        catch
        {
            // Fenced: this owner lets go, and takes its try with it.
            await token.CancelAsync().ConfigureAwait(false);
            while (_isRunning)
            {
                await _bell.WaitAsync().ConfigureAwait(false);
            }

            await ((Task)running.AsTask()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }

        return await running.ConfigureAwait(false);
    }

    private async Task HearAsync(SagaTry @try, Task news, CancellationTokenSource token)
    {
        _news = null;
        try
        {
            await news.ConfigureAwait(false);
            if (await _plan.MustTurnBack().ConfigureAwait(false))
            {
                @try.IsTurnedBack = true;
                await token.CancelAsync().ConfigureAwait(false);
            }
        }
        catch (SagaStoreException)
        {
            // An effect that has begun is no reason to end it: the store may be back before it returns.
            using var again = runtime.Time.CreateTimer(static tries => ((SagaTries)tries!)._bell.Ring(), this, _pauseWhileStoreIsAway, Timeout.InfiniteTimeSpan);
            await _bell.WaitAsync().ConfigureAwait(false);
        }
    }

    private void OnEnded()
    {
        _isRunning = false;
        _bell.Ring();
    }

    /// <summary>The token of the next try: the last one's, as long as that was not cancelled.</summary>
    private CancellationTokenSource Token()
    {
        if (_token is not { IsCancellationRequested: false })
        {
            _stops.Dispose();
            _token?.Dispose();
            _token = new(Timeout.InfiniteTimeSpan, runtime.Time);
            _stops = default;
        }

        if (_stops == default)
        {
            _stops = _stopping.UnsafeRegister(static token => ((CancellationTokenSource)token!).Cancel(), _token);
        }

        return _token;
    }

    /// <summary>One wait for news outlasts any number of tries.</summary>
    private Task News(SagaState state)
    {
        if (_news is null || _newsAfter != state.InboxSequence)
        {
            _over ??= new();
            _newsAfter = state.InboxSequence;
            _ = _news?.Exception;
            _news = runtime.Inbox.WaitAsync(state.Id, _newsAfter, _over.Token);
            if (!_news.IsCompleted)
            {
                _news.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(_ring ??= _bell.Ring);
            }
        }

        return _news;
    }

    private static TimeSpan Positive(TimeSpan time) => time > TimeSpan.Zero ? time : TimeSpan.FromMilliseconds(1);

    internal readonly record struct Outcome(SagaValue? Result, SagaFailure? Failure);

    /// <summary>What is tried, how often, and how much time is left for all of it.</summary>
    internal readonly record struct Plan(
        SagaState State,
        SagaStepState StepState,
        bool Undo,
        int MaxAttempts,
        TimeSpan Timeout,
        RetryPolicy Policy,
        TimeSpan? Left,
        Func<SagaTry, CancellationToken, ValueTask<SagaValue>> Effect,
        Func<ValueTask<bool>> MustTurnBack)
    {
        public string Id => StepState.Step.Id;
    }

    private readonly record struct Tried(SagaValue? Result, Exception? Error);
}
