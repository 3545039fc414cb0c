using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Topology.Health.Internal;

/// <summary>Fails when a work item waits too long for a thread. A pool that gives none at all shows as a timeout, or as stale samples.</summary>
internal sealed class ThreadPoolCheck(IOptions<HealthOptions> options, TimeProvider timeProvider, Action<Action> queue) : IHealthCheck
{
    public const string Name = "topology.health.thread_pool";

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var ran = new TaskCompletionSource<TimeSpan>();
        var queued = timeProvider.GetTimestamp();
        queue(() => ran.TrySetResult(timeProvider.GetElapsedTime(queued)));
        var delay = await ran.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        return delay <= options.Value.MaxThreadPoolDelay
            ? HealthCheckResult.Healthy()
            : HealthCheckResult.Unhealthy(HealthCodes.ThreadPoolStarved);
    }
}
