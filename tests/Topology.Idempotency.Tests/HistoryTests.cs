using StackExchange.Redis;
using Topology.Idempotency.Tests.Conformance;
using Topology.TestKit;

namespace Topology.Idempotency.Tests;

public sealed class HistoryTests(RedisFixture redis)
{
    private const int Clients = 6;
    private const int Rounds = 6;

    [Fact]
    public async Task What_racing_clients_see_of_the_in_memory_store_has_an_order()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var history = await History.RecordAsync(new InMemoryStoreUnderTest(), Clients, Rounds, seed);
            Assert.True(history.IsLinearizable(), history.ToString());
        }
    }

    [Fact]
    public async Task What_racing_clients_see_of_redis_has_an_order()
    {
        await using var proxy = FaultProxy.Start(redis.Server.Port);
        await using var slow = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{proxy.Port}");
        proxy.Delay = TimeSpan.FromMilliseconds(1);
        for (var seed = 0; seed < 100; seed++)
        {
            var store = new RedisStoreUnderTest(seed % 2 == 0 ? redis.Connection : slow);
            var history = await History.RecordAsync(store, Clients, Rounds, seed);
            Assert.True(history.IsLinearizable(), history.ToString());
        }
    }

    [Theory]
    [InlineData("get, then set")]
    [InlineData("completes for anybody")]
    [InlineData("releases for anybody")]
    [InlineData("renews for anybody")]
    [InlineData("fence stands still")]
    [InlineData("resolves any fence")]
    [InlineData("seal only of what is absent")]
    [InlineData("seal forgets the result")]
    public async Task What_racing_clients_see_of_a_broken_store_has_none(string store)
    {
        for (var seed = 0; seed < 2_000; seed++)
        {
            if (!(await History.RecordAsync(BrokenStores.Make(store), Clients, Rounds, seed)).IsLinearizable())
                return;
        }

        Assert.Fail("Every history had an order.");
    }
}
