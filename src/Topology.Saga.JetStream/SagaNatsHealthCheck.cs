using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using NATS.Client.Core;
using Topology.Saga.JetStream.Internal;

namespace Topology.Saga.JetStream;

/// <summary>
/// Checks that the server keeps sagas: it answers, every stream, and every consumer this process uses, is there and as its promises need it,
/// and there is room. Thread safe.
/// </summary>
/// <remarks>
/// Descriptions are codes: <c>nats_unreachable</c>, <c>store_broken</c> (a stream or consumer is missing or breaks a promise),
/// <c>store_nearly_full</c> (a stream, the account or the server; no further saga is started; never worse than degraded). The data holds the server's round trip in milliseconds,
/// <c>rtt_ms</c>, and <c>fill</c>, from 0 to 1.
/// </remarks>
public sealed class SagaNatsHealthCheck : IHealthCheck
{
    /// <summary>The name under which the check is registered.</summary>
    public const string Name = "topology.saga.nats";

    private readonly INatsConnection _connection;
    private readonly SagaStreams _streams;
    private readonly SagaAdmission _admission;

    internal SagaNatsHealthCheck(INatsConnection connection, SagaStreams streams, SagaAdmission admission) =>
        (_connection, _streams, _admission) = (connection, streams, admission);

    /// <summary>Makes the check for <c>AddHealthChecks().Add(…)</c>, with the tag <c>ready</c>.</summary>
    /// <param name="failureStatus">What the loss of the store means. The default is degraded: sagas then wait in their streams.</param>
    public static HealthCheckRegistration Register(HealthStatus failureStatus = HealthStatus.Degraded) => new(
        Name,
        static provider => new SagaNatsHealthCheck(
            provider.GetRequiredService<INatsConnection>(), provider.GetRequiredService<SagaStreams>(), provider.GetRequiredService<SagaAdmission>()),
        failureStatus,
        ["ready", "code:nats_unreachable", "code:store_broken", "code:store_nearly_full"]);

    /// <inheritdoc/>
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        try
        {
            var fault = await _streams.FindFaultAsync(cancellationToken).ConfigureAwait(false);
            var data = new Dictionary<string, object>(StringComparer.Ordinal)
            {
                ["rtt_ms"] = (await _connection.PingAsync(cancellationToken).ConfigureAwait(false)).TotalMilliseconds,
            };
            if (fault is not null)
            {
                return new HealthCheckResult(context.Registration.FailureStatus, "store_broken", new SagaStoreException(fault), data);
            }

            var (_, fill) = await _admission.FullestAsync(cancellationToken).ConfigureAwait(false);
            data["fill"] = fill;
            return fill >= SagaAdmission.Limit ? HealthCheckResult.Degraded("store_nearly_full", data: data) : HealthCheckResult.Healthy(data: data);
        }
        catch (Exception failure) when (failure is SagaStoreException || SagaErrors.IsAway(failure))
        {
            return new HealthCheckResult(context.Registration.FailureStatus, "nats_unreachable", failure);
        }
    }
}
