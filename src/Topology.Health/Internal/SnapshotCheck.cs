using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Topology.Health.Internal;

/// <summary>The answer of the ready probe as a stock check, for apps that keep <c>MapHealthChecks</c>.</summary>
internal sealed class SnapshotCheck(HealthBoard board) : IHealthCheck
{
    public const string Name = "topology.health";

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var status = board.Read(ProbeKind.Ready).Status;
        return Task.FromResult(status switch
        {
            "healthy" => HealthCheckResult.Healthy(status),
            "degraded" => HealthCheckResult.Degraded(status),
            _ => new HealthCheckResult(context.Registration.FailureStatus, status),
        });
    }
}
