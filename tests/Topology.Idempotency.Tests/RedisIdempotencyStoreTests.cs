using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using StackExchange.Redis;
using Topology.Idempotency.Internal;
using Topology.Idempotency.Tests.Conformance;
using Topology.TestKit;

[assembly: AssemblyFixture(typeof(RedisFixture))]

namespace Topology.Idempotency.Tests;

public sealed class RedisIdempotencyStoreTests(RedisFixture redis)
{
    public static TheoryData<string> Rules => [.. StoreRules.All.Keys];

    [Theory]
    [MemberData(nameof(Rules))]
    public Task It_keeps_the_rule(string rule) => StoreRules.All[rule](new RedisStoreUnderTest(redis.Connection));

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task It_keeps_every_rule_with_an_app_clock_that_is_an_hour_off(int hours)
    {
        foreach (var rule in StoreRules.All.Values)
            await rule(new RedisStoreUnderTest(redis.Connection, new ShiftedClock { Shift = TimeSpan.FromHours(hours) }));
    }
}
