namespace Topology.Dlq.Internal;

/// <summary>Until when a loop has said it would come round. Thread safe; a beat allocates nothing.</summary>
internal sealed class LoopBeat(LoopBeats owner, string loop, TimeProvider time) : IDisposable
{
    private long _due = long.MaxValue;
    private int _reported;

    public string Loop => loop;

    public bool IsSilent => time.GetTimestamp() > Volatile.Read(ref _due);

    /// <summary>Says that the loop came round, and for how long it may be silent now.</summary>
    public void Within(TimeSpan silence)
    {
        Volatile.Write(ref _due, time.GetTimestamp() + (long)(silence.TotalSeconds * time.TimestampFrequency));
        Volatile.Write(ref _reported, 0);
    }

    /// <returns>Whether this is the first report since the last beat.</returns>
    public bool Report() => Interlocked.Exchange(ref _reported, 1) == 0;

    /// <summary>The loop has ended on purpose.</summary>
    public void Dispose() => owner.Forget(this);
}
