using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Topology.Retry.Internal;

namespace Topology.Retry;

/// <summary>Makes calls and makes them again when they fail, as one profile says. Thread-safe; share it.</summary>
/// <remarks>
/// The caller sees the original exception, with <see cref="RetryInfo"/> attached. A call that succeeds at once costs one delegate call
/// and allocates nothing. A retry is announced only when it will be made; a failing callback or logger never changes how a call ends.
/// Cancelling surfaces as <see cref="OperationCanceledException"/> with the last failure as its inner exception.
/// </remarks>
public sealed partial class RetryPolicy
{
    private readonly ILogger? _logger;
    private readonly LogGate _retryLines;
    private readonly LogGate _stopLines;
    private RetryProfile _profile;

    /// <summary>Initializes a new instance of the <see cref="RetryPolicy"/> class.</summary>
    /// <param name="options">The profile; copied.</param>
    /// <param name="name">The name shown in telemetry and errors.</param>
    /// <param name="budget">The budget to draw on; <see langword="null"/> for none.</param>
    /// <param name="timeProvider">The clock; <see langword="null"/> for the system's.</param>
    /// <param name="random">Uniform in [0, 1) and thread-safe; <see langword="null"/> for the runtime's shared generator.</param>
    /// <param name="logger">The logger; <see langword="null"/> for none.</param>
    /// <param name="metrics">The instruments; <see langword="null"/> for none.</param>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">A value is outside its range.</exception>
    /// <exception cref="ArgumentException"><paramref name="options"/> names a budget and <paramref name="budget"/> is <see langword="null"/>.</exception>
    public RetryPolicy(
        RetryProfileOptions options,
        string name = RetryProfileNames.Default,
        RetryBudget? budget = null,
        TimeProvider? timeProvider = null,
        Func<double>? random = null,
        ILogger? logger = null,
        RetryMetrics? metrics = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(name);
        RetryProfileOptionsValidator.ThrowIfInvalid(name, options);
        if (options.Budget is { } budgetName && budget is null)
        {
            throw new ArgumentException($"Retry profile '{name}' names the budget '{budgetName}'; hand it in.", nameof(budget));
        }

        Name = name;
        Time = timeProvider ?? TimeProvider.System;
#pragma warning disable RS0030 // The one place where the default source of randomness is chosen.
        Random = random ?? System.Random.Shared.NextDouble;
#pragma warning restore RS0030
        _logger = logger is NullLogger ? null : logger;
        _retryLines = new LogGate(Time);
        _stopLines = new LogGate(Time);
        Metrics = metrics;
        _profile = new RetryProfile(this, options, budget);
    }

    /// <summary>Gets the name of the profile.</summary>
    public string Name { get; }

    /// <summary>Gets the number of calls made in all, the first one included.</summary>
    public int MaxAttempts => _profile.MaxAttempts;

    /// <summary>Gets the longest wait asked for by a failure that is still waited out; for a longer one the call is not made again.</summary>
    public TimeSpan MaxServerDelay => _profile.MaxServerDelay;

    internal TimeProvider Time { get; }

    internal RetryProfile Profile => _profile;

    internal Func<double> Random { get; }

    internal RetryMetrics? Metrics { get; }

    /// <summary>Returns the wait before the next try, for a caller that waits on its own, such as a saga.</summary>
    /// <param name="failedAttempts">How many tries have failed, 1 or more.</param>
    /// <param name="previousDelay">The wait before the last try; zero when there was none. Only decorrelated jitter uses it.</param>
    /// <returns>A wait from zero to the profile's <c>max_delay</c>. It draws no budget and knows no deadline.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="failedAttempts"/> is below 1 or <paramref name="previousDelay"/> is negative.</exception>
    public TimeSpan NextDelay(int failedAttempts, TimeSpan previousDelay)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(failedAttempts, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(previousDelay, TimeSpan.Zero);
        return _profile.NextDelay(failedAttempts, previousDelay, Random);
    }

    /// <summary>Judges a failure as this policy would.</summary>
    /// <param name="error">The failure.</param>
    /// <returns>
    /// <see cref="RetryVerdictKind.Retry"/>, with <see cref="RetryVerdict.NotBefore"/> when the failure names a time, or
    /// <see cref="RetryVerdictKind.Stop"/>. Whether the caller itself cancelled is not known here.
    /// </returns>
    public RetryVerdict Classify(Exception error)
    {
        ArgumentNullException.ThrowIfNull(error);
        return Judge(_profile, error);
    }

    internal void Update(RetryProfileOptions options, RetryBudget? budget) => Volatile.Write(ref _profile, new RetryProfile(this, options, budget));

    internal RetryVerdict Judge(RetryProfile profile, Exception failure)
    {
        if (profile.Classify is { } classify)
        {
            try
            {
                var own = classify(failure);
                if (own.Kind != RetryVerdictKind.Unspecified)
                {
                    return own;
                }
            }
            catch (Exception exception)
            {
                CallbackFailed(exception, nameof(RetryProfileOptions.Classify));
            }
        }

        var verdict = FailureRules.Judge(failure);
        return verdict.Kind != RetryVerdictKind.Unspecified ? verdict
            : profile.Unknown == UnknownFailure.Stop ? RetryVerdict.Stop
            : RetryVerdict.Retry;
    }

    internal bool Listens(RetryProfile profile) => profile.OnRetry is not null || _logger is not null;

    internal void Announce(RetryProfile profile, in RetryEvent retry)
    {
        try
        {
            profile.OnRetry?.Invoke(retry);
        }
        catch (Exception exception)
        {
            CallbackFailed(exception, nameof(RetryProfileOptions.OnRetry));
        }

        if (_logger is null)
        {
            return;
        }

        try
        {
            if (_logger.IsEnabled(LogLevel.Debug))
            {
                Log.Retrying(_logger, Name, retry.Attempt, retry.MaxAttempts, retry.ErrorType, retry.Delay.TotalSeconds, retry.DelaySource);
            }
            else if (_logger.IsEnabled(LogLevel.Information) && _retryLines.TryPass(out var unsaid))
            {
                Log.RetryingSome(_logger, Name, retry.Attempt, retry.MaxAttempts, retry.ErrorType, retry.Delay.TotalSeconds, unsaid);
            }
        }
        catch (Exception)
        {
            // A logger that throws has nobody left to tell.
        }
    }

    internal void GaveUp(RetryStop stop, int attempts, string errorType)
    {
        Metrics?.Stopped(Name, stop);
        if (_logger is null || stop == RetryStop.Cancelled)
        {
            return;
        }

        try
        {
            if (_logger.IsEnabled(LogLevel.Warning) && _stopLines.TryPass(out var unsaid))
            {
                Log.GaveUp(_logger, Name, attempts, stop, errorType, unsaid);
            }
        }
        catch (Exception)
        {
            // A logger that throws has nobody left to tell.
        }
    }

    internal void CallbackFailed(Exception exception, string callback)
    {
        if (_logger is null)
        {
            return;
        }

        try
        {
            Log.CallbackFailed(_logger, exception, Name, callback);
        }
        catch (Exception)
        {
            // A logger that throws has nobody left to tell.
        }
    }
}
