using Microsoft.Extensions.Options;
using StackExchange.Redis;
using Topology.Idempotency.Internal;
using Topology.Idempotency.Tests.Conformance;
using Topology.TestKit;

namespace Topology.Idempotency.Tests;

public sealed class RedisClusterTests
{
    [Fact]
    public async Task It_keeps_every_rule_on_a_cluster_and_no_caller_chooses_the_slot()
    {
        await using var cluster = await RedisCluster.StartAsync(TestContext.Current.CancellationToken);
        await using var connection = await ConnectionMultiplexer.ConnectAsync(cluster.ConnectionString + ",allowAdmin=true");

        foreach (var rule in StoreRules.All.Values)
            await rule(new RedisStoreUnderTest(connection));
        foreach (var server in connection.GetServers())
            await server.FlushDatabaseAsync();

        var store = new RedisIdempotencyStore(() => connection, Options.Create(new IdempotencyOptions()), TimeProvider.System, () => 0.5);
        for (var i = 0; i < 90; i++)
        {
            var claim = await store.ClaimAsync(
                new ClaimRequest
                {
                    Key = IdempotencyRecordKey.Internal("{t}", "{u}", "{o}", $"{{same}}{i}"), // would all be in one slot if braces were kept
                    Owner = Guid.NewGuid(),
                    Lease = TimeSpan.FromSeconds(30),
                    Ttl = TimeSpan.FromHours(1),
                },
                TestContext.Current.CancellationToken);
            Assert.Equal(FinishStatus.Done, await store.CompleteAsync(claim.Claim!, new byte[] { 1 }, TestContext.Current.CancellationToken));
        }

        var held = await Task.WhenAll(connection.GetServers().Select(server => server.DatabaseSizeAsync()));
        Assert.Equal((3, 90), (held.Length, held.Sum()));
        Assert.All(held, keys => Assert.True(keys > 0, string.Join(' ', held)));
    }
}
