using System.Collections.Frozen;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace Topology.Health.Internal;

/// <summary>Runs one check: a hard deadline, and never a second run beside one that has not returned.</summary>
internal sealed class CheckRunner(
    HealthCheckRegistration registration, TimeSpan timeout, IServiceScopeFactory scopes, TimeProvider timeProvider, ILogger logger)
{
    private readonly FrozenSet<string> _codes = HealthCodes.Declared(registration);
    private Task<CheckObservation>? _run;
    private long _started;
    private string _lastCode = HealthCodes.Ok;

    /// <summary>Runs the check, or reports the run that is still out. Called by one loop at a time.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<CheckObservation> RunAsync(CancellationToken cancellationToken)
    {
        var observation = await ObserveAsync(cancellationToken).ConfigureAwait(false);
        if (observation.Code == HealthCodes.Timeout && _lastCode != HealthCodes.Timeout)
            Log.CheckTimedOut(logger, registration.Name, timeout);
        _lastCode = observation.Code;
        return observation;
    }

    private async Task<CheckObservation> ObserveAsync(CancellationToken cancellationToken)
    {
        if (_run is { IsCompleted: false })
            return Failed(HealthCodes.Timeout);

        _started = timeProvider.GetTimestamp();
        var deadline = new CancellationTokenSource();
        // On the pool: a check that blocks before its first await must not hold up the deadline. Behind all work that already waits
        // for a thread: what this run has to wait, everyone has.
        _run = Task.Factory.StartNew(
            () => ExecuteAsync(deadline.Token), CancellationToken.None, TaskCreationOptions.PreferFairness, TaskScheduler.Default).Unwrap();
        try
        {
            var observation = await _run.WaitAsync(timeout, timeProvider, cancellationToken).ConfigureAwait(false);
            // The timer of the deadline can itself be late.
            return observation.Duration <= timeout ? observation : Failed(HealthCodes.Timeout);
        }
        catch (TimeoutException)
        {
            Cancel(deadline);
            return Failed(HealthCodes.Timeout);
        }
        catch (OperationCanceledException)
        {
            Cancel(deadline);
            throw;
        }
    }

    private async Task<CheckObservation> ExecuteAsync(CancellationToken cancellationToken)
    {
        var code = HealthCodes.CannotBuild;
        try
        {
            var scope = scopes.CreateAsyncScope();
            await using (scope.ConfigureAwait(false))
            {
                var check = registration.Factory(scope.ServiceProvider);
                code = HealthCodes.Threw;
                var result = await check.CheckHealthAsync(new HealthCheckContext { Registration = registration }, cancellationToken).ConfigureAwait(false);
                return Observed(result);
            }
        }
        catch (Exception exception)
        {
            // After the deadline the run is already reported, and the log would blame the cancellation.
            if (code != _lastCode && !cancellationToken.IsCancellationRequested)
                Log.CheckFailed(logger, registration.Name, code, exception);
            return Failed(code);
        }
    }

    private CheckObservation Observed(HealthCheckResult result)
    {
        // Some checks answer Unhealthy whatever they were registered with; the registration says how much the loss matters.
        var status = result.Status < registration.FailureStatus ? registration.FailureStatus : result.Status;
        var code = result.Description is { } description && _codes.TryGetValue(description, out var declared)
            ? declared
            : HealthCodes.Of(result.Status);
        if (result.Exception is { } exception && code != _lastCode)
            Log.CheckFailed(logger, registration.Name, code, exception);
        return new CheckObservation(status, code, timeProvider.GetElapsedTime(_started));
    }

    private CheckObservation Failed(string code) => new(registration.FailureStatus, code, timeProvider.GetElapsedTime(_started));

    private static void Cancel(CancellationTokenSource deadline) =>
        // A callback of the check may throw or block; neither is the sampler's business.
        deadline.CancelAsync().ContinueWith(static task => _ = task.Exception, TaskScheduler.Default);
}
