using System.Collections.Concurrent;

namespace Topology.Health;

/// <summary>The heartbeats of the loops of this process. A loop that falls silent fails the liveness probe.</summary>
/// <remarks>A singleton in the container. All members are safe for use by many threads at once.</remarks>
public sealed class LivenessHeartbeats
{
    private readonly ConcurrentDictionary<LivenessHeartbeat, byte> _beating = new();
    private readonly TimeProvider _timeProvider;

    /// <summary>Creates an empty set.</summary>
    /// <param name="timeProvider">The clock that measures silence.</param>
    public LivenessHeartbeats(TimeProvider timeProvider)
    {
        ArgumentNullException.ThrowIfNull(timeProvider);
        _timeProvider = timeProvider;
    }

    internal IEnumerable<LivenessHeartbeat> Beating => _beating.Select(static entry => entry.Key);

    /// <summary>Starts watching a loop. Registering is its first beat.</summary>
    /// <param name="loop">What the log calls the loop. Two loops may share a name; each is watched.</param>
    /// <param name="longestSilence">The longest time between two beats of a loop that works. Choose several times the loop's longest wait.</param>
    /// <returns>The heartbeat; dispose it when the loop ends.</returns>
    /// <exception cref="ArgumentException"><paramref name="loop"/> is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="longestSilence"/> is not positive.</exception>
    public LivenessHeartbeat Register(string loop, TimeSpan longestSilence)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(loop);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(longestSilence, TimeSpan.Zero);
        var heartbeat = new LivenessHeartbeat(this, loop, longestSilence, _timeProvider);
        _beating.TryAdd(heartbeat, 0);
        return heartbeat;
    }

    internal void Forget(LivenessHeartbeat heartbeat) => _beating.TryRemove(heartbeat, out _);
}
