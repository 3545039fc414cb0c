using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Topology.Retry;

namespace Topology.Saga.Internal;

/// <summary>Makes the tries of one step or compensation and says how they ended.</summary>
internal sealed class SagaTries(SagaRuntime runtime, CancellationToken stopping)
{
    private static readonly TimeSpan _pauseWhileStoreIsAway = TimeSpan.FromSeconds(1);

    /// <summary>Returns the result, why there is none, or neither when the saga must turn back at once.</summary>
    public async Task<Outcome> RunAsync(Plan plan, Func<SagaTry, CancellationToken, ValueTask<SagaValue>> effect, Func<ValueTask<bool>> mustTurnBack)
    {
        // A refusal proves that there was no effect only when no earlier try can have had one.
        var ambiguous = plan.State.HeadWasTried;
        var previous = TimeSpan.Zero;
        var started = runtime.Time.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            var left = plan.Left - runtime.Time.GetElapsedTime(started);
            var tried = await TryAsync(plan, attempt, left, effect, mustTurnBack).ConfigureAwait(false);
            if (tried.Error is not { } error)
            {
                return new(tried.Result, null);
            }

            var rejected = !plan.Undo && error is SagaRejectedException;
            if (rejected && !ambiguous)
            {
                return new(null, SagaFailure.From(plan.Id, error, rejected: true, attempt));
            }

            if (await mustTurnBack().ConfigureAwait(false))
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
            if (await PauseAsync(plan, delay, started, mustTurnBack).ConfigureAwait(false))
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
    private async Task<bool> PauseAsync(Plan plan, TimeSpan delay, long started, Func<ValueTask<bool>> mustTurnBack)
    {
        var left = plan.Left - runtime.Time.GetElapsedTime(started);
        var begun = runtime.Time.GetTimestamp();
        while (true)
        {
            if (await mustTurnBack().ConfigureAwait(false))
            {
                return true;
            }

            var rest = delay - runtime.Time.GetElapsedTime(begun);
            if (rest <= TimeSpan.Zero)
            {
                return false;
            }

            using var news = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            var told = runtime.Inbox.WaitAsync(plan.State.Id, plan.State.InboxSequence, news.Token);
            var first = await Task.WhenAny(Task.Delay(left < rest ? Positive(left.Value) : rest, runtime.Time, news.Token), told).ConfigureAwait(false);
            await news.CancelAsync().ConfigureAwait(false);
            stopping.ThrowIfCancellationRequested();
            await (first == told ? told : Task.CompletedTask).ConfigureAwait(false);
            left = plan.Left - runtime.Time.GetElapsedTime(started);
        }
    }

    private async Task<Tried> TryAsync(
        Plan plan, int attempt, TimeSpan? left, Func<SagaTry, CancellationToken, ValueTask<SagaValue>> effect, Func<ValueTask<bool>> mustTurnBack)
    {
        var scope = runtime.Scopes.CreateAsyncScope();
        await using var disposal = scope.ConfigureAwait(false);
        var key = plan.State.Key(plan.StepState, plan.Undo);
        var @try = new SagaTry(plan.State, plan.StepState.Step, key, attempt, plan.State.Fence, scope.ServiceProvider);
        using var timeout = new CancellationTokenSource(Timeout.InfiniteTimeSpan, runtime.Time);
        using var token = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stopping);
        using var span = SagaTracing.Try(@try);
        var begun = runtime.Metrics.MeasuresTries ? runtime.Time.GetTimestamp() : 0;
        Exception? failed = null;
        try
        {
            var running = runtime.Guard.ExecuteAsync(
                key,
                async () =>
                {
                    // From here on: waiting for an effect that is in progress elsewhere is not a try.
                    timeout.CancelAfter(left < plan.Timeout ? Positive(left.Value) : plan.Timeout);
                    try
                    {
                        return await effect(@try, token.Token).ConfigureAwait(false);
                    }
                    catch (Exception error)
                    {
                        failed = error;
                        throw;
                    }
                },
                stopping);
            var result = await WatchAsync(plan, running, token, mustTurnBack).ConfigureAwait(false);
            runtime.Metrics.Tried(@try, runtime.Time, begun, null);
            return new(result, null);
        }
        catch (Exception error) when (ReferenceEquals(error, failed) || error is SagaSealedException or SagaOutcomeUnknownException)
        {
            // Told apart by the token, not by the type: a host that stops leaves the saga for recovery, a try that took too long failed.
            stopping.ThrowIfCancellationRequested();
            var timedOut = timeout.IsCancellationRequested && error is OperationCanceledException;
            var failure = timedOut ? new TimeoutException($"The try took longer than its timeout of {plan.Timeout}.", error) : error;
            span?.SetStatus(ActivityStatusCode.Error, failure.GetType().Name);
            runtime.Metrics.Tried(@try, runtime.Time, begun, failure);
            return new(null, failure);
        }
    }

    /// <summary>Waits for the effect to return, however long it takes, and cancels it when the saga must turn back.</summary>
    private async ValueTask<SagaValue> WatchAsync(
        Plan plan, ValueTask<SagaValue> running, CancellationTokenSource token, Func<ValueTask<bool>> mustTurnBack)
    {
        if (running.IsCompleted)
        {
            return await running.ConfigureAwait(false);
        }

        var task = running.AsTask();
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        try
        {
            while (!token.IsCancellationRequested)
            {
                var news = runtime.Inbox.WaitAsync(plan.State.Id, plan.State.InboxSequence, ended.Token);
                if (await Task.WhenAny(task, news).ConfigureAwait(false) == task || news.IsCanceled)
                {
                    break;
                }

                try
                {
                    await news.ConfigureAwait(false);
                    if (await mustTurnBack().ConfigureAwait(false))
                    {
                        await token.CancelAsync().ConfigureAwait(false);
                    }
                }
                catch (SagaStoreException)
                {
                    // An effect that has begun is no reason to end it: the store may be back before it returns.
                    await Task.WhenAny(task, Task.Delay(_pauseWhileStoreIsAway, runtime.Time, ended.Token)).ConfigureAwait(false);
                }
            }
        }
        catch
        {
            // Fenced: this owner lets go, and takes its try with it.
            await token.CancelAsync().ConfigureAwait(false);
            await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
        }

        return await task.ConfigureAwait(false);
    }

    private static TimeSpan Positive(TimeSpan time) => time > TimeSpan.Zero ? time : TimeSpan.FromMilliseconds(1);

    internal readonly record struct Outcome(SagaValue? Result, SagaFailure? Failure);

    /// <summary>What is tried, how often, and how much time is left for all of it.</summary>
    internal sealed record Plan(
        SagaState State, SagaStepState StepState, bool Undo, int MaxAttempts, TimeSpan Timeout, RetryPolicy Policy, TimeSpan? Left)
    {
        public string Id => StepState.Step.Id;
    }

    private readonly record struct Tried(SagaValue? Result, Exception? Error);
}
