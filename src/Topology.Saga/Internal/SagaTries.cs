using System.Diagnostics;
using System.Runtime.CompilerServices;
using Topology.Retry;

namespace Topology.Saga.Internal;

/// <summary>Makes the tries of a saga's steps and compensations, one at a time, and says how they ended. Used again for other sagas.</summary>
internal sealed class SagaTries(SagaRuntime runtime) : IDisposable
{
    private readonly SagaListener _listener = new(runtime);
    private long _begun;
    private Func<ValueTask<SagaValue?>>? _effect;
    private Plan _plan;
    private SagaRun _run = null!; // Set before anything is tried.
    private CancellationToken _stopping;
    private CancellationTokenRegistration _stops;
    private TimeSpan _timeout;
    private CancellationTokenSource? _token;
    private SagaTry? _try;

    public void Begin(SagaRun run, CancellationToken stopping)
    {
        if (stopping != _stopping)
        {
            _stops.Dispose();
            _stops = default;
        }

        (_run, _stopping) = (run, stopping);
    }

    /// <summary>Lets go of everything that is one saga's; returns whether it can be used for another.</summary>
    public bool End()
    {
        _listener.Dispose();
        (_run, _try, _plan) = (null!, null, default);

        // What is left of the last try's registrations goes, so that nobody hears of another saga's end.
        return _token is null || _token.TryReset();
    }

    public void Dispose()
    {
        _listener.Dispose();
        _stops.Dispose();
        _token?.Dispose();
    }

    /// <summary>Makes the first try, which is the last of most. When it fails, <see cref="GoOnAsync"/> tells what follows from that.</summary>
    public ValueTask<Outcome> BeginAsync(in Plan plan)
    {
        _plan = plan;
        _begun = runtime.Time.GetTimestamp();
        return TryAsync(1, plan.Left);
    }

    /// <summary>Returns the result, why there is none, or neither when the saga must turn back at once.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<Outcome> GoOnAsync(Exception error)
    {
        // A refusal proves that there was no effect only when no earlier try can have had one.
        var ambiguous = _run.State.HeadWasTried;
        var previous = TimeSpan.Zero;
        for (var attempt = 1; ; attempt++)
        {
            var rejected = !_plan.Undo && error is SagaRejectedException;
            if (rejected && !ambiguous)
            {
                return new(null, SagaFailure.From(_plan.Id, error, rejected: true, attempt), null);
            }

            if (await _run.MustTurnBackAsync().ConfigureAwait(false))
            {
                return default;
            }

            // A compensation is tried as often as its row says; only a step ends at an error that no retry can mend. Neither undercuts the
            // time that a failure asks for, nor keeps a slot for longer than the profile allows.
            var verdict = _plan.Policy.Classify(error);
            var stops = (!_plan.Undo && verdict.Kind == RetryVerdictKind.Stop) || verdict.NotBefore > _plan.Policy.MaxServerDelay;
            if (attempt >= _plan.MaxAttempts || rejected || stops)
            {
                return new(null, SagaFailure.From(_plan.Id, error, rejected: false, attempt), null);
            }

            ambiguous = true;
            var delay = _plan.Policy.NextDelay(attempt, previous);
            previous = delay;
            delay = verdict.NotBefore is { } hint && hint > delay ? hint : delay;
            Log.TryFailed(runtime.Logger, _run.State.Id, _plan.Id, _plan.Undo ? "undo" : "do", attempt, delay, error.GetType().Name);
            if (await PauseAsync(delay).ConfigureAwait(false))
            {
                return default;
            }

            // Nothing is written between tries, so nothing else would tell an owner that it was replaced meanwhile.
            if ((await runtime.Journal.ReadAsync(_run.State.Id, _run.State.Version, _stopping).ConfigureAwait(false)).Count > 0)
            {
                throw new SagaFencedException(_run.State.Id);
            }

            var outcome = await TryAsync(attempt + 1, Left()).ConfigureAwait(false);
            if (outcome.Error is null)
            {
                return outcome;
            }

            error = outcome.Error;
        }
    }

    /// <summary>Lets the time between two tries pass; returns true when the saga must turn back meanwhile.</summary>
    private async Task<bool> PauseAsync(TimeSpan delay)
    {
        var begun = runtime.Time.GetTimestamp();
        while (true)
        {
            if (await _run.MustTurnBackAsync().ConfigureAwait(false))
            {
                return true;
            }

            var rest = delay - runtime.Time.GetElapsedTime(begun);
            if (rest <= TimeSpan.Zero)
            {
                return false;
            }

            await _listener.PauseAsync(_run.State, Left() is { } left && left < rest ? Positive(left) : rest, _stopping).ConfigureAwait(false);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Outcome> TryAsync(int attempt, TimeSpan? left)
    {
        var token = Token();
        var @try = _try = new SagaTry(_run.State, _plan.StepState, _plan.Undo, attempt, runtime.Scopes);
        _timeout = left < _plan.Timeout ? Positive(left.Value) : _plan.Timeout;
        using var span = SagaTracing.Try(@try);
        var begun = runtime.Metrics.MeasuresTries ? runtime.Time.GetTimestamp() : 0;
        SagaValue? result = null;
        Exception? error = null;
        try
        {
            var running = runtime.Guard.ExecuteAsync(@try.Key, _effect ??= RunEffectAsync, _stopping);
            if (running.IsCompleted)
            {
                result = await running.ConfigureAwait(false);
            }
            else
            {
                // However long it takes: an effect that is under way is cancelled, but never left.
                _listener.Begin(_run, @try, token);
                try
                {
                    result = await running.ConfigureAwait(false);
                }
                finally
                {
                    await _listener.EndAsync().ConfigureAwait(false);
                }
            }

            error = result is null ? @try.Failed ?? throw new SagaException($"The guard of effect {@try.Key} returned neither a result nor a failure.") : null;
        }
        catch (Exception refused) when (refused is SagaSealedException or SagaOutcomeUnknownException)
        {
            error = refused;
        }
        finally
        {
            token.CancelAfter(Timeout.InfiniteTimeSpan);
            await @try.DisposeAsync().ConfigureAwait(false);
        }

        if (error is not null)
        {
            // Told apart by the token, not by the type: a host that stops leaves the saga for recovery, a try that took too long failed.
            _stopping.ThrowIfCancellationRequested();
            var timedOut = token.IsCancellationRequested && !@try.IsTurnedBack && error is OperationCanceledException;
            error = timedOut ? new TimeoutException($"The try took longer than its timeout of {_plan.Timeout}.", error) : error;
            span?.SetStatus(ActivityStatusCode.Error, error.GetType().Name);
        }

        runtime.Metrics.Tried(@try, runtime.Time, begun, error);
        return new(result, null, error);
    }

    /// <summary>Called by the guard: waiting for an effect that is in progress elsewhere is not a try.</summary>
    private ValueTask<SagaValue?> RunEffectAsync()
    {
        _token!.CancelAfter(_timeout);
        try
        {
            return _plan.Effect(_try!, _token.Token);
        }
        catch (Exception error)
        {
            _try!.Failed = error;
            return default;
        }
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

    private TimeSpan? Left() => _plan.Left - runtime.Time.GetElapsedTime(_begun);

    private static TimeSpan Positive(TimeSpan time) => time > TimeSpan.Zero ? time : TimeSpan.FromMilliseconds(1);

    /// <summary>How a step or compensation ended, or the error of a try after which that is not said yet.</summary>
    internal readonly record struct Outcome(SagaValue? Result, SagaFailure? Failure, Exception? Error);

    /// <summary>What is tried, how often, and how much time is left for all of it.</summary>
    internal readonly record struct Plan(
        SagaStepState StepState,
        bool Undo,
        int MaxAttempts,
        TimeSpan Timeout,
        RetryPolicy Policy,
        TimeSpan? Left,
        Func<SagaTry, CancellationToken, ValueTask<SagaValue?>> Effect)
    {
        public string Id => StepState.Step.Id;
    }
}
