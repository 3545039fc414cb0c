using StackExchange.Redis;

namespace Topology.Idempotency.Internal;

/// <summary>What the client throws, as callers of the store see it.</summary>
internal static class RedisFailure
{
    public static bool Is(Exception e) => e is RedisException or RedisCommandException or TimeoutException;

    // The client's message names the key, and with it the user, and loggers print causes: only what kind of failure it was is passed on.
    public static IdempotencyStoreException Wrap(Exception e) => new(e switch
    {
        RedisServerException => $"Redis refused the command: {e.Message.Split(' ')[0]}.",
        RedisConnectionException away => $"Redis is away: {away.FailureType}.",
        RedisTimeoutException late => $"Redis did not answer in time; the command was {late.Commandstatus}.",
        _ => $"Redis was not asked: {e.GetType().Name}.",
    });
}
