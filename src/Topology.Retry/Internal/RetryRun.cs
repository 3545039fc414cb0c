using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace Topology.Retry.Internal;

/// <summary>The facts of one call and the decisions made from them. A struct, so that a call that ends synchronously allocates nothing.</summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "Each attempt's timer is disposed as the attempt ends.")]
internal struct RetryRun
{
    private const int EarlierKept = 8;

    // A timer's due time is at most 2³² − 2 ms. A deadline such as DateTimeOffset.MaxValue is no bound.
    private static readonly TimeSpan LongestTimer = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    private RetryProfile _profile;
    private CancellationToken _caller;
    private int _maxAttempts;
    private long _started;
    private TimeSpan? _allowed;
    private RetryDelaySource _delaySource;
    private string? _errorType;
    private Exception? _last;
    private List<Exception>? _earlier;
    private CancellationTokenSource? _timeout;
    private CancellationTokenRegistration _link;
    private bool _cutByDeadline;

    public int Attempts { get; private set; }

    public RetryStop Stop { get; private set; }

    public TimeSpan Delay { get; private set; }

    public readonly TimeSpan Elapsed => Policy.Time.GetElapsedTime(_started);

    private readonly RetryPolicy Policy => _profile.Policy;

    private readonly TimeSpan? Left => _allowed is { } allowed ? allowed - Elapsed : null;

    private readonly string ErrorType => _errorType ?? RetryEvent.ErrorTypeOf(_last);

    /// <summary>Opens the call in place: a constructor would build a copy first, which costs as much as a try.</summary>
    /// <param name="profile">The profile as it was when the call began.</param>
    /// <param name="allowed">The time the whole call may take.</param>
    /// <param name="maxAttempts">The tries in all.</param>
    /// <param name="started">The timestamp of the beginning; 0 when nothing asks for the time.</param>
    /// <param name="attempts">1 when the first try is already under way.</param>
    /// <param name="caller">The caller's token.</param>
    public void Open(RetryProfile profile, TimeSpan? allowed, int maxAttempts, long started, int attempts, CancellationToken caller)
    {
        _profile = profile;
        _caller = caller;
        _allowed = allowed;
        _maxAttempts = maxAttempts;
        _started = started;
        Attempts = attempts;
    }

    /// <summary>Opens the next try, or says why it cannot begin.</summary>
    public bool TryBegin(out RetryAttempt attempt, out Exception? error)
    {
        attempt = default;
        error = null;
        if (_caller.IsCancellationRequested)
        {
            error = Cancelled(null);
            return false;
        }

        var left = Left;
        if (left <= TimeSpan.Zero)
        {
            error = End(RetryStop.Deadline, _last ?? new TimeoutException($"Retry profile '{Policy.Name}': the deadline had passed before try {Attempts + 1}."));
            return false;
        }

        Attempts++;
        if (Attempts > 1 && Policy.Metrics is { } metrics)
        {
            metrics.Retried(Policy.Name, ErrorType, Delay, _delaySource);
        }

        attempt = _profile.AttemptTimeout is null && left is null ? new RetryAttempt(Attempts, null, _caller) : Bounded(left);
        return true;
    }

    /// <summary>Decides after a failure. When it returns <see langword="false"/>, <paramref name="failure"/> is what the caller sees.</summary>
    public bool MayRetry([NotNull] ref Exception? failure)
    {
        Debug.Assert(failure is not null, "Only a failure is judged here.");
        var timedOut = CloseAttempt();
        if (failure is OperationCanceledException)
        {
            if (_caller.IsCancellationRequested)
            {
                // A first try's own cancellation says all there is to say.
                failure = _last is null && timedOut is null ? End(RetryStop.Cancelled, failure) : Cancelled(failure);
                return false;
            }

            if (timedOut is true)
            {
                failure = TimedOut(failure);
                if (_cutByDeadline)
                {
                    failure = End(RetryStop.Deadline, failure);
                    return false;
                }
            }
        }

        var verdict = Policy.Judge(_profile, failure);
        Remember(failure);
        _errorType = verdict.ErrorType;
        if (verdict.Kind == RetryVerdictKind.Stop)
        {
            failure = End(RetryStop.NotRetryable, failure);
            return false;
        }

        if (_caller.IsCancellationRequested)
        {
            failure = Cancelled(failure);
            return false;
        }

        if (Refusal(verdict) is { } stop)
        {
            failure = End(stop, failure);
            return false;
        }

        Announce();
        if (_caller.IsCancellationRequested)
        {
            // A callback cancelled.
            failure = Cancelled(failure);
            return false;
        }

        return true;
    }

    /// <summary>Decides after a result. When it returns <see langword="false"/> the result, or <paramref name="error"/>, is what the caller sees.</summary>
    public bool MayRetry(in RetryVerdict verdict, out Exception? error)
    {
        CloseAttempt();
        error = null;
        if (verdict.Kind == RetryVerdictKind.Unspecified)
        {
            _profile.Budget?.Credit();
            Stopped(RetryStop.Succeeded);
            return false;
        }

        _errorType = verdict.ErrorType ?? RetryEvent.ResultErrorType;
        if (verdict.Kind == RetryVerdictKind.Stop)
        {
            GaveUp(RetryStop.NotRetryable);
            return false;
        }

        if (!_caller.IsCancellationRequested)
        {
            if (Refusal(verdict) is { } stop)
            {
                GaveUp(stop);
                return false;
            }

            _last = null;
            Announce();
        }

        if (_caller.IsCancellationRequested)
        {
            error = Cancelled(null);
            return false;
        }

        return true;
    }

    public readonly Task WaitAsync() => Waiting.ForAsync(Delay, Policy.Time, _caller);

    public readonly void ClassifierFailed(Exception exception) => Policy.CallbackFailed(exception, "classifyResult");

    /// <summary>Disposes a result that the caller will never see; returns what is still to be awaited, if anything.</summary>
    public readonly Task? Discard<T>(T result)
    {
        try
        {
            if (result is IAsyncDisposable asyncDisposable)
            {
                var disposal = asyncDisposable.DisposeAsync();
                return disposal.IsCompletedSuccessfully ? null : disposal.AsTask();
            }

            if (result is IDisposable disposable)
            {
                disposable.Dispose();
            }
        }
        catch (Exception exception)
        {
            Policy.CallbackFailed(exception, "Dispose");
        }

        return null;
    }

    private RetryAttempt Bounded(TimeSpan? left)
    {
        _cutByDeadline = left is not null && !(_profile.AttemptTimeout < left);
        var limit = _cutByDeadline ? left!.Value : _profile.AttemptTimeout!.Value;
        _timeout = limit <= LongestTimer ? new CancellationTokenSource(limit, Policy.Time) : new CancellationTokenSource();
        _link = _caller.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _timeout);
        return new RetryAttempt(Attempts, limit, _timeout.Token);
    }

    /// <summary>Ends the timer of a try and says whether it had fired; <see langword="null"/> when the try had none.</summary>
    private bool? CloseAttempt()
    {
        if (_timeout is null)
        {
            return null;
        }

        _link.Dispose();
        var fired = _timeout.IsCancellationRequested;
        _timeout.Dispose();
        _timeout = null;
        return fired;
    }

    private readonly TimeoutException TimedOut(Exception cancellation) => new(
        _cutByDeadline
            ? $"Retry profile '{Policy.Name}': the deadline passed during try {Attempts}."
            : $"Retry profile '{Policy.Name}': try {Attempts} took longer than {DurationText.Of(_profile.AttemptTimeout!.Value)}.",
        _last ?? cancellation);

    /// <summary>Chooses the wait, or returns why there is none.</summary>
    private RetryStop? Refusal(in RetryVerdict verdict)
    {
        if (Attempts >= _maxAttempts)
        {
            return RetryStop.Attempts;
        }

        var left = Left;
        if (verdict.NotBefore is { } hint)
        {
            if (hint > _profile.MaxServerDelay)
            {
                return RetryStop.ServerDelay;
            }

            _delaySource = RetryDelaySource.Server;
            Delay = Spread(hint, left);
        }
        else
        {
            _delaySource = RetryDelaySource.Backoff;
            Delay = _profile.NextDelay(Attempts, Delay, Policy.Random);
        }

        if (Delay >= left)
        {
            return RetryStop.Deadline;
        }

        return _profile.Budget is { } budget && !budget.TryTake() ? RetryStop.Budget : null;
    }

    /// <summary>Clients told the same moment should not all come back in it: up to 10 % later, never earlier, never past a bound.</summary>
    private readonly TimeSpan Spread(TimeSpan hint, TimeSpan? left)
    {
        if (!_profile.SpreadsServerDelay)
        {
            return hint;
        }

        var later = hint + TimeSpan.FromTicks((long)(hint.Ticks * 0.1 * Policy.Random()));
        return later > _profile.MaxServerDelay || later >= left ? hint : later;
    }

    private void Remember(Exception failure)
    {
        if (_last is not null)
        {
            _earlier ??= [];
            if (_earlier.Count == EarlierKept)
            {
                _earlier.RemoveAt(0);
            }

            _earlier.Add(_last);
        }

        _last = failure;
    }

    private readonly void Announce()
    {
        var activity = Activity.Current;
        if (activity is not { IsAllDataRequested: true } && !Policy.Listens(_profile))
        {
            return;
        }

        var retry = new RetryEvent(Policy.Name, Attempts, _maxAttempts, Delay, _delaySource, _last, _errorType);
        Policy.Announce(_profile, retry);
        if (activity is { IsAllDataRequested: true })
        {
            activity.AddEvent(new ActivityEvent("retry", Policy.Time.GetUtcNow(), new ActivityTagsCollection
            {
                ["retry.profile"] = retry.Profile,
                ["retry.attempt"] = retry.Attempt,
                ["retry.delay"] = retry.Delay.TotalSeconds,
                ["error.type"] = retry.ErrorType,
            }));
        }
    }

    private OperationCanceledException Cancelled(Exception? during)
    {
        var cause = during is null or OperationCanceledException ? _last ?? during : during;
        var cancelled = new OperationCanceledException($"Retry profile '{Policy.Name}': the caller cancelled after {Attempts} tries.", cause, _caller);
        End(RetryStop.Cancelled, cancelled);
        return cancelled;
    }

    private Exception End(RetryStop stop, Exception failure)
    {
        if (!ReferenceEquals(_last, failure))
        {
            Remember(failure);
        }

        GaveUp(stop);
        RetryInfo.Attach(failure, new RetryInfo(Policy.Name, Attempts, stop, _earlier is null ? [] : _earlier));
        return failure;
    }

    private void GaveUp(RetryStop stop)
    {
        Stopped(stop);
        Policy.GaveUp(stop, Attempts, ErrorType);
    }

    private void Stopped(RetryStop stop)
    {
        Stop = stop;
        if (_started != 0 && Policy.Metrics is { TimesCalls: true } metrics)
        {
            metrics.Ended(Policy.Name, stop, Elapsed);
        }
    }
}
