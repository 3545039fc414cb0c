using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace Topology.Saga.Internal;

/// <summary>Fails while the worker's loop hangs. Looks at memory only: a long step, a full worker or a store that is away is no hang.</summary>
internal sealed class SagaLoopCheck(SagaHeartbeat heartbeat, ILogger<SagaLoopCheck> logger) : IHealthCheck
{
    private bool _reported;

    public static HealthCheckRegistration Registration => new(
        "topology.saga.loops",
        static provider => provider.GetRequiredService<SagaLoopCheck>(),
        HealthStatus.Unhealthy,
        ["live", "code:loop_silent"]);

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var silence = heartbeat.Silence;
        var hangs = silence > SagaHeartbeat.LongestSilence;
        if (hangs && !_reported)
        {
            Log.LoopSilent(logger, silence);
        }

        _reported = hangs;
        return Task.FromResult(hangs ? HealthCheckResult.Unhealthy("loop_silent") : HealthCheckResult.Healthy());
    }
}
