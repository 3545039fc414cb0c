using System.Security.Cryptography;
using System.Text;
using StackExchange.Redis;

namespace Topology.Benchmarks.Idempotency;

/// <summary>
/// The least that a claim with replay and a fenced completion can cost on Redis 7: <c>SET NX GET</c>, then the shortest script that compares
/// the owner and sets, driven without a library.
/// </summary>
/// <remarks>It has no lease, no fingerprint, no hash of the result and no second life for a lost answer.</remarks>
internal sealed class LuaFloor(IDatabase database)
{
    private const string Complete = "if redis.call('GETRANGE', KEYS[1], 0, 49) ~= ARGV[1] then return 0 end redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1";
    private static readonly TimeSpan Ttl = TimeSpan.FromHours(1);

#pragma warning disable CA5350 // SHA-1 is how Redis names scripts
    private readonly byte[] _hash = SHA1.HashData(Encoding.UTF8.GetBytes(Complete));
#pragma warning restore CA5350
    private readonly byte[] _header = Encoding.ASCII.GetBytes("1P" + new string('0', 124));

    public Task LoadAsync() => database.ScriptEvaluateAsync(Complete, ["floor:load"], ["", "", 1]);

    public async Task FirstCallAsync(RedisKey key, byte[] record)
    {
        if (!(await database.StringSetAndGetAsync(key, _header, Ttl, keepTtl: false, When.NotExists)).IsNull)
            throw new InvalidOperationException("A key was there.");
        if ((int)await database.ScriptEvaluateAsync(_hash, [key], [_header.AsMemory(0, 50), record, (long)Ttl.TotalMilliseconds]) != 1)
            throw new InvalidOperationException("The owner was refused.");
    }
}
