namespace Topology.Saga.JetStream.Internal;

/// <summary>A timeout shared by whoever begins within a moment: one for each would be a timer for each. Thread safe.</summary>
internal sealed class SharedTimeout(TimeSpan after, TimeProvider time)
{
    private static readonly TimeSpan _moment = TimeSpan.FromMilliseconds(200);

    private Source? _source;

    /// <summary>Gets a token that is cancelled when the time is over, or up to a moment later.</summary>
    public CancellationToken Token
    {
        get
        {
            var source = Volatile.Read(ref _source);
            if (source is null || time.GetElapsedTime(source.Since) > _moment)
            {
                // Ends by itself. Two at the same time do no harm.
                source = new(new(after + _moment, time), time.GetTimestamp());
                Volatile.Write(ref _source, source);
            }

            return source.Over.Token;
        }
    }

    private sealed record Source(CancellationTokenSource Over, long Since);
}
