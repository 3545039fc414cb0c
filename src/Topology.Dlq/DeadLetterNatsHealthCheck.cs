using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using NATS.Client.Core;
using Topology.Dlq.Internal;

namespace Topology.Dlq;

/// <summary>
/// Checks that the server keeps the queues: it answers, and every stream, and every consumer this process uses, is there and as its
/// promises need it. Thread safe.
/// </summary>
/// <remarks>
/// Descriptions are codes: <c>nats_unreachable</c>, <c>queue_broken</c> (a stream or consumer is missing or breaks a promise). The data
/// holds the server's round trip in milliseconds, <c>rtt_ms</c>.
/// </remarks>
public sealed class DeadLetterNatsHealthCheck : IHealthCheck
{
    /// <summary>The name under which the check is registered.</summary>
    public const string Name = "topology.dlq.nats";

    private readonly JetStreamTopology _topology;

    internal DeadLetterNatsHealthCheck(JetStreamTopology topology) => _topology = topology;

    /// <summary>Makes the check for <c>AddHealthChecks().Add(…)</c>, with the tag <c>ready</c>.</summary>
    /// <param name="failureStatus">What the loss of the queues means. The default is degraded: messages then wait in their streams.</param>
    public static HealthCheckRegistration Register(HealthStatus failureStatus = HealthStatus.Degraded) => new(
        Name,
        static provider => new DeadLetterNatsHealthCheck(provider.GetRequiredService<JetStreamTopology>()),
        failureStatus,
        ["ready", "code:nats_unreachable", "code:queue_broken"]);

    /// <inheritdoc/>
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        try
        {
            var fault = await _topology.FindFaultAsync(cancellationToken).ConfigureAwait(false);
            var roundTrip = await _topology.PingAsync(cancellationToken).ConfigureAwait(false);
            var data = new Dictionary<string, object>(StringComparer.Ordinal) { ["rtt_ms"] = roundTrip.TotalMilliseconds };
            return fault is null
                ? HealthCheckResult.Healthy(data: data)
                : new HealthCheckResult(context.Registration.FailureStatus, "queue_broken", new DeadLetterException(fault), data);
        }
        catch (Exception failure) when (failure is DeadLetterException or NatsException)
        {
            return new HealthCheckResult(context.Registration.FailureStatus, "nats_unreachable", failure);
        }
    }
}
