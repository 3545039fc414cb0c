using System.Collections.Concurrent;

namespace Topology.Dlq.Internal;

/// <summary>The loops of this process that must come round. Thread safe.</summary>
/// <remarks>
/// A server that is away makes no loop silent: every wait for it ends after <see cref="LongestCall"/>, and the loop comes round. A loop is
/// silent when something neither returns nor heeds its token.
/// </remarks>
internal sealed class LoopBeats(TimeProvider time)
{
    /// <summary>How long a loop waits for a server before it begins again.</summary>
    public static readonly TimeSpan LongestCall = TimeSpan.FromMinutes(1);

    /// <summary>How long a loop may be silent: a call, and a pause after it, with room to spare.</summary>
    public static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(2);

    private readonly ConcurrentDictionary<LoopBeat, bool> _beats = new();

    public IEnumerable<LoopBeat> Silent => _beats.Keys.Where(beat => beat.IsSilent);

    public LoopBeat Begin(string loop)
    {
        var beat = new LoopBeat(this, loop, time);
        _beats[beat] = true;
        return beat;
    }

    public void Forget(LoopBeat beat) => _beats.TryRemove(beat, out _);
}
