namespace Topology.Saga.Internal;

/// <summary>Tells a worker's loop that waits or works from one that hangs.</summary>
internal sealed class SagaHeartbeat(TimeProvider time)
{
    public static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(1);

    private long _last;

    /// <summary>How long the loop has been silent; zero while it need not beat.</summary>
    public TimeSpan Silence => Volatile.Read(ref _last) is var last and not 0 ? time.GetElapsedTime(last) : TimeSpan.Zero;

    /// <summary>The loop came round.</summary>
    public void Beat() => Volatile.Write(ref _last, time.GetTimestamp() is var now and not 0 ? now : 1);

    /// <summary>The loop has ended, or waits for what may take any time: silence means nothing until the next beat.</summary>
    public void Rest() => Volatile.Write(ref _last, 0);
}
