using Microsoft.Extensions.Options;
using StackExchange.Redis;
using Topology.Idempotency.Internal;
using Topology.Idempotency.Tests.Conformance;
using Topology.TestKit;

namespace Topology.Idempotency.Tests;

/// <summary>A Redis store whose records are aged by taking time off their time to live, which is all the store goes by.</summary>
internal sealed class RedisStoreUnderTest : StoreUnderTest
{
    private readonly IConnectionMultiplexer _connection;
    private readonly string _prefix = RedisFixture.Unique("idem") + ":";

    public RedisStoreUnderTest(IConnectionMultiplexer connection, TimeProvider? time = null)
    {
        _connection = connection;
        Store = new RedisIdempotencyStore(
            () => connection, Options.Create(new IdempotencyOptions { KeyPrefix = _prefix }), time ?? TimeProvider.System, () => 0.5);
    }

    public override IIdempotencyStore Store { get; }

    public RedisKey NameOf(IdempotencyRecordKey key) => _prefix + key.Value;

    public override async Task PassAsync(TimeSpan time)
    {
        var database = _connection.GetDatabase();
        foreach (var server in _connection.GetServers())
        {
            await foreach (var key in server.KeysAsync(pattern: _prefix + "*", pageSize: 1000))
            {
                if (await database.KeyTimeToLiveAsync(key) is { } left)
                    await database.KeyExpireAsync(key, left - time);
            }
        }
    }

    public override IdempotencyRecordKey TimedKey(string name, TimeSpan age) =>
        IdempotencyKey.Generate("t", "u", "o", name, _connection.GetServers()[0].Time() - age).ToRecordKey();
}
