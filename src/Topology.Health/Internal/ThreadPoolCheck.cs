using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Topology.Health.Internal;

/// <summary>
/// Does nothing on the thread pool. Its deadline is the longest time it may take to be given a thread; when not even the sampler gets one,
/// its sample grows too old.
/// </summary>
internal sealed class ThreadPoolCheck : IHealthCheck
{
    public const string Name = "topology.health.thread_pool";

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(HealthCheckResult.Healthy());
}
