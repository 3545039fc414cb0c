using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using StackExchange.Redis;
using Topology.Idempotency.Internal;

namespace Topology.Idempotency;

/// <summary>Checks that the Redis of the store answers, is new enough, and never evicts a record. Safe for concurrent use.</summary>
/// <param name="connection">The connection of the store.</param>
/// <remarks>
/// Descriptions are codes: <c>redis_too_old</c> (unhealthy: the commands of a claim are missing), <c>redis_replica</c> (unhealthy: it takes
/// no writes), <c>redis_evicts</c> (degraded: <c>maxmemory-policy</c> is not <c>noeviction</c>, and a record that is evicted lets its work
/// run twice), <c>redis_unreachable</c> (the registration's failure status). The data holds the server's answer: <c>version</c>,
/// <c>role</c>, <c>maxmemory_policy</c>, and the round trip in milliseconds, <c>rtt_ms</c>.
/// </remarks>
public sealed class RedisIdempotencyHealthCheck(IConnectionMultiplexer connection) : IHealthCheck
{
    /// <summary>The name under which the check is registered.</summary>
    public const string Name = "topology.idempotency.redis";

    private static readonly Version Oldest = new(7, 0); // SET with NX and GET together

    /// <summary>Makes the check for <c>AddHealthChecks().Add(…)</c>, with the tag <c>ready</c>.</summary>
    /// <param name="failureStatus">What the loss of the records means. The default is unhealthy: no claim can be made.</param>
    public static HealthCheckRegistration Register(HealthStatus failureStatus = HealthStatus.Unhealthy) => new(
        Name,
        static provider => provider.GetRequiredService<RedisIdempotencyHealthCheck>(),
        failureStatus,
        ["ready", "code:redis_too_old", "code:redis_replica", "code:redis_evicts", "code:redis_unreachable"]);

    /// <inheritdoc/>
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        try
        {
            var asked = Stopwatch.GetTimestamp();
            var info = (string?)await connection.GetDatabase().ScriptEvaluateAsync(Scripts.Info.Text).WaitAsync(cancellationToken).ConfigureAwait(false) ?? "";
            return Judge(info, Stopwatch.GetElapsedTime(asked));
        }
        catch (Exception e) when (e is RedisException or RedisCommandException or TimeoutException)
        {
            return new HealthCheckResult(context.Registration.FailureStatus, "redis_unreachable", e);
        }
    }

    internal static HealthCheckResult Judge(string info, TimeSpan roundTrip)
    {
        var data = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["version"] = Field(info, "redis_version"),
            ["role"] = Field(info, "role"),
            ["maxmemory_policy"] = Field(info, "maxmemory_policy"),
            ["rtt_ms"] = roundTrip.TotalMilliseconds,
        };
        if (!Version.TryParse((string)data["version"], out var parsed) || parsed < Oldest)
            return HealthCheckResult.Unhealthy("redis_too_old", data: data);
        if (data["role"] is "slave")
            return HealthCheckResult.Unhealthy("redis_replica", data: data);
        return data["maxmemory_policy"] is "noeviction" ? HealthCheckResult.Healthy(data: data) : HealthCheckResult.Degraded("redis_evicts", data: data);
    }

    private static string Field(string info, string name)
    {
        var start = info.IndexOf(name + ":", StringComparison.Ordinal);
        if (start < 0)
            return "unknown";
        var value = info.AsSpan(start + name.Length + 1);
        var end = value.IndexOfAny('\r', '\n');
        return (end < 0 ? value : value[..end]).ToString();
    }
}
