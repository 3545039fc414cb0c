using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace Topology.Health.Internal;

/// <summary>Fails while a loop of this process is silent for longer than it said it would be.</summary>
internal sealed class HeartbeatCheck(LivenessHeartbeats heartbeats, ILogger<HeartbeatCheck> logger) : IHealthCheck
{
    public const string Name = "topology.health.loops";

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var result = HealthCheckResult.Healthy();
        foreach (var heartbeat in heartbeats.Beating)
        {
            var silence = heartbeat.Silence;
            if (silence <= heartbeat.LongestSilence)
                continue;
            result = HealthCheckResult.Unhealthy(HealthCodes.LoopSilent);
            if (heartbeat.Report())
                Log.LoopSilent(logger, heartbeat.Loop, silence, heartbeat.LongestSilence);
        }

        return Task.FromResult(result);
    }
}
