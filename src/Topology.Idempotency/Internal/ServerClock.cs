using StackExchange.Redis;

namespace Topology.Idempotency.Internal;

/// <summary>
/// The Redis server's time without asking for it each time: read once a minute, carried on by the monotonic clock, and read again
/// when that clock and the wall clock have moved unlike (the machine slept) or the connection was made anew (the server may be another).
/// </summary>
/// <remarks>The app's wall clock is only ever compared with itself, so it may be wrong by any amount.</remarks>
internal sealed class ServerClock(TimeProvider time)
{
    private static readonly TimeSpan ReadAgainAfter = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LargestDrift = TimeSpan.FromMilliseconds(500);

    private Reading? _reading;

    public void Forget() => Volatile.Write(ref _reading, null);

    public ValueTask<DateTimeOffset> NowAsync(IDatabase database)
    {
        if (Volatile.Read(ref _reading) is { } reading)
        {
            var passed = time.GetElapsedTime(reading.Timestamp);
            var wallPassed = time.GetUtcNow() - reading.WallClock;
            if (passed < ReadAgainAfter && (wallPassed - passed).Duration() < LargestDrift)
                return new(reading.ServerTime + passed);
        }

        return ReadAsync(database);
    }

    private async ValueTask<DateTimeOffset> ReadAsync(IDatabase database)
    {
        var sent = time.GetTimestamp();
        var answer = (RedisValue[]?)await database.ExecuteAsync("TIME").ConfigureAwait(false) ?? [];
        var roundTrip = time.GetElapsedTime(sent);
        var serverTime = DateTimeOffset.FromUnixTimeSeconds((long)answer[0]).AddMicroseconds((long)answer[1]) + roundTrip / 2;
        Volatile.Write(ref _reading, new Reading(serverTime, time.GetTimestamp(), time.GetUtcNow()));
        return serverTime;
    }

    private sealed record Reading(DateTimeOffset ServerTime, long Timestamp, DateTimeOffset WallClock);
}
