using System.Diagnostics;
using System.Runtime.CompilerServices;
using Topology.Retry;

namespace Topology.Saga.Internal;

/// <summary>Makes the tries of one step or compensation and says how they ended.</summary>
internal sealed class SagaTries(SagaRuntime runtime, CancellationToken stopping) : IDisposable
{
    private static readonly TimeSpan _pauseWhileStoreIsAway = TimeSpan.FromSeconds(1);
    private Task? _news;
    private long _newsAfter;
    private CancellationTokenSource? _over;
    private CancellationTokenRegistration _stops;
    private CancellationTokenSource? _token;

    public void Dispose()
    {
        _over?.Cancel();
        _over?.Dispose();
        _stops.Dispose();
        _token?.Dispose();
        _ = _news?.Exception;
    }

    /// <summary>Returns the result, why there is none, or neither when the saga must turn back at once.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<Outcome> RunAsync(Plan plan)
    {
        // A refusal proves that there was no effect only when no earlier try can have had one.
        var ambiguous = plan.State.HeadWasTried;
        var previous = TimeSpan.Zero;
        var started = runtime.Time.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            var left = plan.Left - runtime.Time.GetElapsedTime(started);
            var tried = await TryAsync(plan, attempt, left).ConfigureAwait(false);
            if (tried.Error is not { } error)
            {
                return new(tried.Result, null);
            }

            var rejected = !plan.Undo && error is SagaRejectedException;
            if (rejected && !ambiguous)
            {
                return new(null, SagaFailure.From(plan.Id, error, rejected: true, attempt));
            }

            if (await plan.MustTurnBack().ConfigureAwait(false))
            {
                return default;
            }

            // A compensation is tried as often as its row says; only a step ends at an error that no retry can mend. Neither undercuts the
            // time that a failure asks for, nor keeps a slot for longer than the profile allows.
            var verdict = plan.Policy.Classify(error);
            var stops = (!plan.Undo && verdict.Kind == RetryVerdictKind.Stop) || verdict.NotBefore > plan.Policy.MaxServerDelay;
            if (attempt >= plan.MaxAttempts || rejected || stops)
            {
                return new(null, SagaFailure.From(plan.Id, error, rejected: false, attempt));
            }

            ambiguous = true;
            var delay = plan.Policy.NextDelay(attempt, previous);
            previous = delay;
            delay = verdict.NotBefore is { } hint && hint > delay ? hint : delay;
            Log.TryFailed(runtime.Logger, plan.State.Id, plan.Id, plan.Undo ? "undo" : "do", attempt, delay, error.GetType().Name);
            if (await PauseAsync(plan, delay, started).ConfigureAwait(false))
            {
                return default;
            }

            // Nothing is written between tries, so nothing else would tell an owner that it was replaced meanwhile.
            if ((await runtime.Journal.ReadAsync(plan.State.Id, plan.State.Version, stopping).ConfigureAwait(false)).Count > 0)
            {
                throw new SagaFencedException(plan.State.Id);
            }
        }
    }

    /// <summary>Lets the time between two tries pass; returns true when the saga must turn back meanwhile.</summary>
    private async Task<bool> PauseAsync(Plan plan, TimeSpan delay, long started)
    {
        var left = plan.Left - runtime.Time.GetElapsedTime(started);
        var begun = runtime.Time.GetTimestamp();
        while (true)
        {
            if (await plan.MustTurnBack().ConfigureAwait(false))
            {
                return true;
            }

            var rest = delay - runtime.Time.GetElapsedTime(begun);
            if (rest <= TimeSpan.Zero)
            {
                return false;
            }

            using var over = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            var news = News(plan.State);
            var first = await Task.WhenAny(Task.Delay(left < rest ? Positive(left.Value) : rest, runtime.Time, over.Token), news).ConfigureAwait(false);
            await over.CancelAsync().ConfigureAwait(false);
            stopping.ThrowIfCancellationRequested();
            await (first == news ? news : Task.CompletedTask).ConfigureAwait(false);
            left = plan.Left - runtime.Time.GetElapsedTime(started);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Tried> TryAsync(Plan plan, int attempt, TimeSpan? left)
    {
        var token = Token();
        var @try = new SagaTry(plan, attempt, runtime.Scopes, token, left < plan.Timeout ? Positive(left.Value) : plan.Timeout);
        await using var disposal = @try.ConfigureAwait(false);
        using var span = SagaTracing.Try(@try);
        var begun = runtime.Metrics.MeasuresTries ? runtime.Time.GetTimestamp() : 0;
        try
        {
            // The guard's own exceptions are told from the effect's by the try.
            var running = runtime.Guard.ExecuteAsync(@try.Key, @try.RunAsync, stopping);
            var result = running.IsCompleted ? await running.ConfigureAwait(false) : await WatchAsync(plan, @try, running.AsTask(), token).ConfigureAwait(false);
            runtime.Metrics.Tried(@try, runtime.Time, begun, null);
            return new(result, null);
        }
        catch (Exception error) when (ReferenceEquals(error, @try.Failed) || error is SagaSealedException or SagaOutcomeUnknownException)
        {
            // Told apart by the token, not by the type: a host that stops leaves the saga for recovery, a try that took too long failed.
            stopping.ThrowIfCancellationRequested();
            var timedOut = token.IsCancellationRequested && !@try.IsTurnedBack && error is OperationCanceledException;
            var failure = timedOut ? new TimeoutException($"The try took longer than its timeout of {plan.Timeout}.", error) : error;
            span?.SetStatus(ActivityStatusCode.Error, failure.GetType().Name);
            runtime.Metrics.Tried(@try, runtime.Time, begun, failure);
            return new(null, failure);
        }
        finally
        {
            token.CancelAfter(Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Waits for the effect to return, however long it takes, and cancels it when the saga must turn back.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<SagaValue> WatchAsync(Plan plan, SagaTry @try, Task<SagaValue> running, CancellationTokenSource token)
    {
        try
        {
            while (!token.IsCancellationRequested)
            {
                var news = News(plan.State);
                if (await Task.WhenAny(running, news).ConfigureAwait(false) == running || news.IsCanceled)
                {
                    break;
                }

                try
                {
                    await news.ConfigureAwait(false);
                    if (await plan.MustTurnBack().ConfigureAwait(false))
                    {
                        @try.IsTurnedBack = true;
                        await token.CancelAsync().ConfigureAwait(false);
                    }
                }
                catch (SagaStoreException)
                {
                    // An effect that has begun is no reason to end it: the store may be back before it returns.
                    await Task.WhenAny(running, Task.Delay(_pauseWhileStoreIsAway, runtime.Time, stopping)).ConfigureAwait(false);
                }
            }
        }
        catch
        {
            // Fenced: this owner lets go, and takes its try with it.
            await token.CancelAsync().ConfigureAwait(false);
            await ((Task)running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }

        return await running.ConfigureAwait(false);
    }

    /// <summary>The token of the next try: the last one's, as long as that was not cancelled.</summary>
    private CancellationTokenSource Token()
    {
        if (_token is not { IsCancellationRequested: false })
        {
            _stops.Dispose();
            _token?.Dispose();
            _token = new(Timeout.InfiniteTimeSpan, runtime.Time);
            _stops = stopping.UnsafeRegister(static token => ((CancellationTokenSource)token!).Cancel(), _token);
        }

        return _token;
    }

    /// <summary>One wait for news outlasts any number of tries.</summary>
    private Task News(SagaState state)
    {
        if (_news is null || _news.IsCompleted || _newsAfter != state.InboxSequence)
        {
            _over ??= CancellationTokenSource.CreateLinkedTokenSource(stopping);
            _newsAfter = state.InboxSequence;
            _ = _news?.Exception;
            _news = runtime.Inbox.WaitAsync(state.Id, _newsAfter, _over.Token);
        }

        return _news;
    }

    private static TimeSpan Positive(TimeSpan time) => time > TimeSpan.Zero ? time : TimeSpan.FromMilliseconds(1);

    internal readonly record struct Outcome(SagaValue? Result, SagaFailure? Failure);

    /// <summary>What is tried, how often, and how much time is left for all of it.</summary>
    internal sealed record Plan(
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
