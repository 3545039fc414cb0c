namespace Topology.Health;

/// <summary>The heartbeat of one loop. Get it from <see cref="LivenessHeartbeats.Register"/>.</summary>
/// <remarks>All members are safe for use by many threads at once. A beat allocates nothing.</remarks>
public sealed class LivenessHeartbeat : IDisposable
{
    private readonly LivenessHeartbeats _owner;
    private readonly TimeProvider _timeProvider;
    private long _lastBeat;
    private int _reported;

    internal LivenessHeartbeat(LivenessHeartbeats owner, string loop, TimeSpan longestSilence, TimeProvider timeProvider)
    {
        _owner = owner;
        _timeProvider = timeProvider;
        Loop = loop;
        LongestSilence = longestSilence;
        _lastBeat = timeProvider.GetTimestamp();
    }

    /// <summary>Gets what the log calls the loop.</summary>
    public string Loop { get; }

    /// <summary>Gets the longest time between two beats of a loop that works.</summary>
    public TimeSpan LongestSilence { get; }

    internal TimeSpan Silence => _timeProvider.GetElapsedTime(Volatile.Read(ref _lastBeat));

    /// <summary>Says that the loop came round once more. Beat before each wait and after each item, never from a timer beside the loop.</summary>
    public void Beat()
    {
        Volatile.Write(ref _lastBeat, _timeProvider.GetTimestamp());
        Volatile.Write(ref _reported, 0);
    }

    /// <summary>Ends the watch: the loop has ended on purpose.</summary>
    public void Dispose() => _owner.Forget(this);

    /// <returns>Whether this is the first report since the last beat.</returns>
    internal bool Report() => Interlocked.Exchange(ref _reported, 1) == 0;
}
