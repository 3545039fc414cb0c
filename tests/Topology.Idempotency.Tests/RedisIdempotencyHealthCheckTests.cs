using Microsoft.Extensions.Diagnostics.HealthChecks;
using StackExchange.Redis;
using Topology.TestKit;

namespace Topology.Idempotency.Tests;

public sealed class RedisIdempotencyHealthCheckTests(RedisFixture redis)
{
    private static Task<HealthCheckResult> CheckAsync(IConnectionMultiplexer connection)
    {
        var check = new RedisIdempotencyHealthCheck(connection);
        var context = new HealthCheckContext
        {
            Registration = new HealthCheckRegistration(RedisIdempotencyHealthCheck.Name, check, HealthStatus.Unhealthy, []),
        };
        return check.CheckHealthAsync(context, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_server_that_never_evicts_is_healthy() =>
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(redis.Connection)).Status);

    [Fact]
    public async Task A_server_that_may_evict_records_is_degraded()
    {
        await using var server = await RedisServer.StartAsync(["--maxmemory-policy", "allkeys-lru"], TestContext.Current.CancellationToken);
        await using var connection = await ConnectionMultiplexer.ConnectAsync(server.ConnectionString); // no admin mode, as in an app

        var result = await CheckAsync(connection);

        Assert.Equal((HealthStatus.Degraded, "redis_evicts"), (result.Status, result.Description));
        Assert.Equal("allkeys-lru", result.Data["maxmemory_policy"]);
        Assert.InRange((double)result.Data["rtt_ms"], 0.001, 30_000);
    }

    [Fact]
    public async Task A_replica_is_unhealthy_because_it_takes_no_claims()
    {
        await using var replica = await RedisServer.StartAsync(["--replicaof", "127.0.0.1 1"], TestContext.Current.CancellationToken);
        await using var connection = await ConnectionMultiplexer.ConnectAsync(replica.ConnectionString);

        var result = await CheckAsync(connection);

        Assert.Equal((HealthStatus.Unhealthy, "redis_replica"), (result.Status, result.Description));
    }

    [Fact]
    public async Task A_server_that_is_away_has_the_failure_status_of_the_registration()
    {
        await using var proxy = FaultProxy.Start(redis.Server.Port);
        await using var connection = await ConnectionMultiplexer.ConnectAsync(
            new ConfigurationOptions { EndPoints = { { "127.0.0.1", proxy.Port } }, AsyncTimeout = 300 });
        proxy.Drop(FaultDirection.ToServer);

        var result = await CheckAsync(connection);

        Assert.Equal((HealthStatus.Unhealthy, "redis_unreachable"), (result.Status, result.Description));
    }

    [Fact]
    public void Every_answer_is_a_code_the_registration_declares()
    {
        var declared = RedisIdempotencyHealthCheck.Register().Tags;
        foreach (var info in new[] { "redis_version:6.2", "redis_version:7.0.0\r\nrole:slave\r\n", "redis_version:7.0.0\r\nmaxmemory_policy:allkeys-lru\r\n" })
            Assert.Contains("code:" + RedisIdempotencyHealthCheck.Judge(info, TimeSpan.Zero).Description, declared);
        Assert.Contains("code:redis_unreachable", declared);
        Assert.Contains("ready", declared);
    }

    [Theory]
    [InlineData("6.2.14", HealthStatus.Unhealthy)]
    [InlineData("5.0.0", HealthStatus.Unhealthy)]
    [InlineData("garbage", HealthStatus.Unhealthy)]
    [InlineData("7.0.0", HealthStatus.Healthy)]
    [InlineData("8.4.0", HealthStatus.Healthy)]
    public void A_server_older_than_7_0_is_unhealthy(string version, HealthStatus expected) =>
        Assert.Equal(expected, RedisIdempotencyHealthCheck.Judge($"redis_version:{version}\r\nmaxmemory_policy:noeviction\r\n", TimeSpan.Zero).Status);

    [Theory]
    [InlineData("volatile-lru")]
    [InlineData("volatile-ttl")]
    [InlineData("allkeys-random")]
    public void Every_policy_that_evicts_is_told(string policy) =>
        Assert.Equal("redis_evicts", RedisIdempotencyHealthCheck.Judge($"redis_version:7.0.0\r\nmaxmemory_policy:{policy}\r\n", TimeSpan.Zero).Description);
}
