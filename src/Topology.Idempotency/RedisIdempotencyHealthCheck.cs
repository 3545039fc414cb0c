using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using StackExchange.Redis;
using Topology.Idempotency.Internal;

namespace Topology.Idempotency;

/// <summary>Checks that the Redis of the store answers, is new enough, and never evicts a record. Safe for concurrent use.</summary>
/// <param name="connection">The connection of the store.</param>
/// <remarks>
/// Descriptions start with a code: <c>redis_too_old</c> (unhealthy: the commands of a claim are missing), <c>redis_replica</c>
/// (unhealthy: it takes no writes), <c>redis_evicts</c>
/// (degraded: <c>maxmemory-policy</c> is not <c>noeviction</c>), <c>redis_unreachable</c> (the registration's failure status).
/// </remarks>
public sealed class RedisIdempotencyHealthCheck(IConnectionMultiplexer connection) : IHealthCheck
{
    /// <summary>The name under which the check is registered.</summary>
    public const string Name = "topology.idempotency.redis";

    private static readonly Version Oldest = new(7, 0); // SET with NX and GET together

    /// <inheritdoc/>
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        try
        {
            var info = (string?)await connection.GetDatabase().ScriptEvaluateAsync(Scripts.Info).WaitAsync(cancellationToken).ConfigureAwait(false) ?? "";
            return Judge(info);
        }
        catch (Exception e) when (e is RedisException or RedisCommandException or TimeoutException)
        {
            return new HealthCheckResult(context.Registration.FailureStatus, "redis_unreachable", e);
        }
    }

    internal static HealthCheckResult Judge(string info)
    {
        var version = Field(info, "redis_version");
        if (!Version.TryParse(version, out var parsed) || parsed < Oldest)
            return HealthCheckResult.Unhealthy(string.Create(CultureInfo.InvariantCulture, $"redis_too_old: {version}, {Oldest} is needed"));
        if (Field(info, "role") == "slave")
            return HealthCheckResult.Unhealthy("redis_replica: the server is a replica; claims need the primary");
        var policy = Field(info, "maxmemory_policy");
        if (policy != "noeviction")
            return HealthCheckResult.Degraded($"redis_evicts: maxmemory-policy is {policy}; a record that is evicted lets its work run twice");
        return HealthCheckResult.Healthy();
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
