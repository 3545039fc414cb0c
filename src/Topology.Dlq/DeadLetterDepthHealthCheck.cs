using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Topology.Dlq.Internal;

namespace Topology.Dlq;

/// <summary>Checks how full and how old queues are. It reads the last sample and calls no server. Thread safe.</summary>
/// <remarks>
/// Never unhealthy: letters are work for people, not a reason to take a service out of rotation. Degraded descriptions are codes:
/// <c>nearly_full</c> (80 % of <c>max_bytes</c>), <c>letters_expire</c> (the oldest is past half of <c>max_age</c>), <c>unknown</c> (no sample).
/// The data holds the letters of each queue.
/// </remarks>
public sealed class DeadLetterDepthHealthCheck : IHealthCheck
{
    /// <summary>The name under which the check is registered.</summary>
    public const string Name = "topology.dlq.depth";

    /// <summary>Gets the check for <c>AddHealthChecks().Add(…)</c>, with the tag <c>info</c>: it is shown and fails nothing.</summary>
    public static HealthCheckRegistration Registration => new(
        Name,
        static provider => new DeadLetterDepthHealthCheck(
            provider.GetRequiredService<DeadLetterMetrics>(), provider.GetRequiredService<DeadLetterQueues>(), provider.GetRequiredService<TimeProvider>()),
        HealthStatus.Degraded,
        ["info", "code:nearly_full", "code:letters_expire", "code:unknown"]);

    private readonly DeadLetterMetrics _metrics;
    private readonly DeadLetterQueues _queues;
    private readonly TimeProvider _time;

    internal DeadLetterDepthHealthCheck(DeadLetterMetrics metrics, DeadLetterQueues queues, TimeProvider time)
    {
        _metrics = metrics;
        _queues = queues;
        _time = time;
    }

    /// <inheritdoc/>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var data = new Dictionary<string, object>(StringComparer.Ordinal);
        string? code = null;
        foreach (var queue in _queues.Names.Order(StringComparer.Ordinal))
        {
            if (_metrics.LastSample(queue) is not { } sample)
            {
                code ??= "unknown";
                continue;
            }

            data[queue] = sample.Letters;
            var options = _queues[queue];
            if (sample.Bytes >= options.MaxBytes * 0.8)
                code = "nearly_full";
            else if (sample.OldestAt is { } oldest && _time.GetUtcNow() - oldest >= options.MaxAge / 2)
                code = code == "nearly_full" ? code : "letters_expire";
        }

        return Task.FromResult(code is null ? HealthCheckResult.Healthy(data: data) : HealthCheckResult.Degraded(code, data: data));
    }
}
