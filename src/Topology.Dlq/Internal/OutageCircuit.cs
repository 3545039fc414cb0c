namespace Topology.Dlq.Internal;

/// <summary>Tells an outage from poison: many different messages fail and none succeeds. Thread safe.</summary>
internal sealed class OutageCircuit(int threshold, TimeSpan maxOutage, TimeProvider time)
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly HashSet<ulong> _failed = [];
    private long? _openSince;
    private long _nextProbe;
    private int _probes;
    private volatile bool _quiet = true;

    /// <summary>Gets whether a failure now says something about its message.</summary>
    public bool FailuresCount
    {
        get
        {
            lock (_lock)
                return _openSince is not { } since || time.GetElapsedTime(since) >= maxOutage;
        }
    }

    public bool IsOpen
    {
        get
        {
            if (_quiet)
                return false;
            lock (_lock)
                return _openSince is not null;
        }
    }

    public void Succeeded()
    {
        if (_quiet)
            return;
        lock (_lock)
        {
            _quiet = true;
            _failed.Clear();
            _openSince = null;
            _probes = 0;
        }
    }

    /// <returns>Whether this failure opened the circuit.</returns>
    public bool Failed(ulong sequence)
    {
        lock (_lock)
        {
            _quiet = false;
            _failed.Add(sequence);
            if (_openSince is not null || _failed.Count < threshold)
                return false;
            _openSince = time.GetTimestamp();
            _nextProbe = After(Pause(0));
            return true;
        }
    }

    /// <summary>Returns zero when a message may be tried now, else how long to wait before asking again.</summary>
    public TimeSpan TryEnter()
    {
        if (_quiet)
            return TimeSpan.Zero;
        lock (_lock)
        {
            if (_openSince is null)
                return TimeSpan.Zero;
            var wait = TimeSpan.FromSeconds((_nextProbe - time.GetTimestamp()) / (double)time.TimestampFrequency);
            if (wait > TimeSpan.Zero)
                return wait;
            _nextProbe = After(Pause(++_probes));
            return TimeSpan.Zero;
        }
    }

    private static TimeSpan Pause(int probes) =>
        probes >= 5 ? LongestPause : TimeSpan.FromSeconds(1 << probes);

    private long After(TimeSpan pause) => time.GetTimestamp() + (long)(pause.TotalSeconds * time.TimestampFrequency);
}
