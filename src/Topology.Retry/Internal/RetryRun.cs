using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace Topology.Retry.Internal;

/// <summary>The facts of one call and the decisions made from them. A struct, so that a call that ends synchronously allocates nothing.</summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "Each attempt's timer is disposed as the attempt ends.")]
internal struct RetryRun
{
    private const int EarlierKept = 8;

    private readonly RetryPolicy _policy;
    private readonly RetryProfile _profile;
    private readonly CancellationToken _caller;
    private readonly long _started;
    private readonly TimeSpan? _allowed;
    private TimeSpan _delay;
    private RetryDelaySource _delaySource;
    private string? _errorType;
    private Exception? _last;
    private List<Exception>? _earlier;
    private CancellationTokenSource? _timeout;
    private CancellationTokenRegistration _link;
    private bool _cutByDeadline;

    /// <param name="policy">The policy.</param>
    /// <param name="profile">The profile as it was when the call began.</param>
    /// <param name="call">What the caller handed in.</param>
    /// <param name="started">The timestamp of the beginning.</param>
    /// <param name="attempts">1 when the first try is already under way.</param>
    public RetryRun(RetryPolicy policy, RetryProfile profile, in RetryCall call, long started, int attempts)
    {
        _policy = policy;
        _profile = profile;
        _caller = call.CancellationToken;
        _started = started;
        Attempts = attempts;
        _allowed = profile.OverallTimeout;
        if (call.Deadline is { } deadline)
        {
            var handedIn = deadline - policy.Time.GetUtcNow();
            _allowed = _allowed < handedIn ? _allowed : handedIn;
        }
    }

    public int Attempts { get; private set; }

    public RetryStop Stop { get; private set; }

    public readonly TimeSpan Elapsed => _policy.Time.GetElapsedTime(_started);

    public readonly TimeSpan Delay => _delay;

    public readonly CancellationToken Caller => _caller;

    private readonly TimeSpan? Left => _allowed - Elapsed;

    /// <summary>Opens the next try, or says why it cannot begin.</summary>
    public bool TryBegin(out RetryAttempt attempt, out Exception? error)
    {
        attempt = default;
        if (_caller.IsCancellationRequested)
        {
            error = Cancelled();
            return false;
        }

        var left = Left;
        if (left <= TimeSpan.Zero)
        {
            error = End(RetryStop.Deadline, _last ?? new TimeoutException($"Retry profile '{_policy.Name}': the deadline had passed before the first try."));
            return false;
        }

        Attempts++;
        if (Attempts > 1)
        {
            _policy.Metrics?.Retried(_policy.Name, _errorType!, _delay, _delaySource);
        }

        _cutByDeadline = left is not null && !(_profile.AttemptTimeout < left);
        var limit = _cutByDeadline ? left : _profile.AttemptTimeout;
        var token = _caller;
        if (limit is { } bound)
        {
            _timeout = new CancellationTokenSource(bound, _policy.Time);
            _link = _caller.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _timeout);
            token = _timeout.Token;
        }

        attempt = new RetryAttempt(Attempts, limit, token);
        error = null;
        return true;
    }

    /// <summary>Decides after a failure. When it returns <see langword="false"/>, <paramref name="failure"/> is what the caller sees.</summary>
    public bool MayRetry(ref Exception failure)
    {
        var timedOut = CloseAttempt();
        if (failure is OperationCanceledException && _caller.IsCancellationRequested)
        {
            failure = _last is null && timedOut is null ? End(RetryStop.Cancelled, failure) : Cancelled(failure);
            return false;
        }

        if (failure is OperationCanceledException && timedOut is true)
        {
            failure = new TimeoutException(
                _cutByDeadline
                    ? $"Retry profile '{_policy.Name}': the deadline passed during try {Attempts}."
                    : $"Retry profile '{_policy.Name}': try {Attempts} took longer than {DurationText.Of(_profile.AttemptTimeout!.Value)}.",
                _last ?? failure);
            if (_cutByDeadline)
            {
                failure = End(RetryStop.Deadline, failure);
                return false;
            }
        }

        var verdict = _policy.Judge(_profile, failure);
        _errorType = verdict.ErrorType ?? failure.GetType().FullName ?? "unknown";
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

        Remember(failure);
        Announce(failure);
        if (_caller.IsCancellationRequested)
        {
            // A callback cancelled.
            failure = Cancelled();
            return false;
        }

        return true;
    }

    /// <summary>Decides after a result. When it returns <see langword="false"/> the result, or <paramref name="error"/>, is what the caller sees.</summary>
    public bool MayRetry(RetryVerdict verdict, out Exception? error)
    {
        CloseAttempt();
        error = null;
        if (verdict.Kind == RetryVerdictKind.Unspecified)
        {
            Succeed();
            return false;
        }

        _errorType = verdict.ErrorType ?? "result";
        if (verdict.Kind == RetryVerdictKind.Stop)
        {
            End(RetryStop.NotRetryable);
            return false;
        }

        if (_caller.IsCancellationRequested)
        {
            error = Cancelled();
            return false;
        }

        if (Refusal(verdict) is { } stop)
        {
            End(stop);
            return false;
        }

        _last = null;
        Announce(null);
        if (_caller.IsCancellationRequested)
        {
            error = Cancelled();
            return false;
        }

        return true;
    }

    public readonly Task WaitAsync() => Waiting.ForAsync(_delay, _policy.Time, _caller);

    public readonly RetryVerdict Judge<T>(Func<T, RetryVerdict>? classifyResult, T result)
    {
        if (classifyResult is null)
        {
            return RetryVerdict.Unspecified;
        }

        try
        {
            return classifyResult(result);
        }
        catch (Exception exception)
        {
            _policy.CallbackFailed(exception, "classifyResult");
            return RetryVerdict.Unspecified;
        }
    }

    /// <summary>Disposes a result that the caller will never see.</summary>
    public readonly async ValueTask DiscardAsync<T>(T result)
    {
        try
        {
            switch (result)
            {
                case IAsyncDisposable asyncDisposable:
                    await asyncDisposable.DisposeAsync().ConfigureAwait(false);
                    break;
                case IDisposable disposable:
                    disposable.Dispose();
                    break;
            }
        }
        catch (Exception exception)
        {
            _policy.CallbackFailed(exception, "Dispose");
        }
    }

    private Exception Cancelled(Exception? during = null)
    {
        var cause = during is OperationCanceledException ? _last ?? during : during ?? _last;
        return End(RetryStop.Cancelled, new OperationCanceledException($"Retry profile '{_policy.Name}': the caller cancelled after {Attempts} tries.", cause, _caller));
    }

    /// <summary>Ends the timers of a try and says whether they fired; <see langword="null"/> when it had none.</summary>
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

    private void Succeed()
    {
        Stop = RetryStop.Succeeded;
        _profile.Budget?.Credit();
        if (_policy.Metrics is { TimesCalls: true } metrics)
        {
            metrics.Ended(_policy.Name, Stop, Elapsed);
        }
    }

    /// <summary>Chooses the wait; returns why there is none.</summary>
    private RetryStop? Refusal(RetryVerdict verdict)
    {
        if (Attempts >= _profile.MaxAttempts)
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
            _delay = hint;
            if (_profile.SpreadsServerDelay)
            {
                // Clients told the same moment should not all come back in it: up to 10 % later, never earlier, never past a bound.
                var spread = TimeSpan.FromTicks((long)(hint.Ticks * 0.1 * _policy.NextRandom()));
                if (hint + spread <= _profile.MaxServerDelay && !(hint + spread >= left))
                {
                    _delay += spread;
                }
            }
        }
        else
        {
            _delaySource = RetryDelaySource.Backoff;
            _delay = _policy.NextDelay(_profile, Attempts, _delay);
        }

        if (_delay >= left)
        {
            return RetryStop.Deadline;
        }

        return _profile.Budget is { } budget && !budget.TryTake() ? RetryStop.Budget : null;
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

    private readonly void Announce(Exception? failure)
    {
        var retry = new RetryEvent(_policy.Name, Attempts, _profile.MaxAttempts, _delay, _delaySource, failure, _errorType!);
        _policy.Announce(_profile, retry);
        if (Activity.Current is { IsAllDataRequested: true } activity)
        {
            activity.AddEvent(new ActivityEvent("retry", _policy.Time.GetUtcNow(), new ActivityTagsCollection
            {
                ["retry.profile"] = retry.Profile,
                ["retry.attempt"] = retry.Attempt,
                ["retry.delay"] = retry.Delay.TotalSeconds,
                ["error.type"] = retry.ErrorType,
            }));
        }
    }

    private Exception End(RetryStop stop, Exception failure)
    {
        End(stop);
        if (_last is not null && !ReferenceEquals(_last, failure))
        {
            Remember(failure);
        }

        RetryInfo.Attach(failure, new RetryInfo(_policy.Name, Attempts, stop, _earlier is null ? [] : _earlier));
        return failure;
    }

    private void End(RetryStop stop)
    {
        Stop = stop;
        _policy.Ended(stop, Attempts, _errorType);
        if (_policy.Metrics is { TimesCalls: true } metrics)
        {
            metrics.Ended(_policy.Name, stop, Elapsed);
        }
    }
}
