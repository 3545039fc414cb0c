namespace Topology.Benchmarks.Platform;

/// <summary>What the servers have counted.</summary>
internal readonly record struct ServerCounts(long NatsMessages, long NatsBytes, long RedisCommands, long RedisBytes)
{
    public static ServerCounts operator -(ServerCounts left, ServerCounts right) => new(
        left.NatsMessages - right.NatsMessages, left.NatsBytes - right.NatsBytes, left.RedisCommands - right.RedisCommands, left.RedisBytes - right.RedisBytes);
}
