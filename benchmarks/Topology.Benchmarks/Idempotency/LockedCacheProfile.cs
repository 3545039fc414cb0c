using StackExchange.Redis;

namespace Topology.Benchmarks.Idempotency;

/// <summary>
/// The commands that an idempotency library over <c>IDistributedCache</c> with a Redis lock sends, without the library: a lock around
/// get and set before the work, a lock around set after it, a lock around get for a replay.
/// </summary>
/// <remarks>It is faster than such a library, which serializes as well, and unlike ours it does not check the lock when it stores.</remarks>
internal sealed class LockedCacheProfile(IDatabase database)
{
    private const string Unlock = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end";
    private static readonly RedisValue[] Fields = ["absexp", "sldexp", "data"];

    public async Task FirstCallAsync(string key, byte[] result)
    {
        var token = await LockAsync(key);
        var found = await database.HashGetAsync(key, Fields);
        if (found[2].IsNull)
            await SetAsync(key, "inflight"u8.ToArray());
        await UnlockAsync(key, token);

        token = await LockAsync(key);
        await SetAsync(key, result);
        await UnlockAsync(key, token);
    }

    public async Task<byte[]?> ReplayAsync(string key)
    {
        var token = await LockAsync(key);
        var found = await database.HashGetAsync(key, Fields);
        await UnlockAsync(key, token);
        return found[2];
    }

    private async Task<string> LockAsync(string key)
    {
        var token = Guid.NewGuid().ToString("N");
        if (!await database.StringSetAsync(key + ":lock", token, TimeSpan.FromSeconds(30), When.NotExists))
            throw new InvalidOperationException("The lock is held; the benchmark has no contention.");
        return token;
    }

    private Task<RedisResult> UnlockAsync(string key, string token) => database.ScriptEvaluateAsync(Unlock, [key + ":lock"], [token]);

    private Task<bool> SetAsync(string key, byte[] value)
    {
        // One transaction of HSET and EXPIRE, as the cache for Redis sends it.
        var transaction = database.CreateTransaction();
        _ = transaction.HashSetAsync(key, [new("absexp", 0), new("sldexp", -1), new("data", value)]);
        _ = transaction.KeyExpireAsync(key, TimeSpan.FromHours(1));
        return transaction.ExecuteAsync();
    }
}
