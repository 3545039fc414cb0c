using Microsoft.Extensions.Logging;

namespace Topology.Saga.JetStream.Internal;

/// <summary>Refuses to start sagas while a stream is nearly full, so that those under way have room to end.</summary>
internal sealed class SagaAdmission(SagaStore store, SagaStreams streams, TimeProvider time, ILogger<SagaAdmission> logger)
{
    public const double Limit = 0.9;

    private static readonly TimeSpan _lookAgain = TimeSpan.FromSeconds(2);

    private int _looking;
    private long? _looked;
    private string? _full;

    /// <exception cref="SagaStoreException">A stream is nearly full.</exception>
    public async ValueTask RequireRoomAsync(CancellationToken cancellationToken)
    {
        if (_looked is not { } looked || time.GetElapsedTime(looked) > _lookAgain)
        {
            await LookAsync(cancellationToken).ConfigureAwait(false);
        }

        if (Volatile.Read(ref _full) is { } full)
        {
            throw new SagaStoreException($"NATS, stream {full}: it is nearly full, so no further saga is started.");
        }
    }

    /// <summary>Returns the fuller one of the streams that starting a saga fills, and how full it is.</summary>
    public async ValueTask<(string Stream, double Fill)> FullestAsync(CancellationToken cancellationToken)
    {
        var log = await store.FillAsync(streams.Subjects.LogStream, cancellationToken).ConfigureAwait(false);
        var items = await store.FillAsync(streams.Subjects.ItemStream, cancellationToken).ConfigureAwait(false);
        return log >= items ? (streams.Subjects.LogStream, log) : (streams.Subjects.ItemStream, items);
    }

    private async ValueTask LookAsync(CancellationToken cancellationToken)
    {
        // Whoever comes while somebody looks goes by what was seen last.
        if (Interlocked.Exchange(ref _looking, 1) == 1)
        {
            return;
        }

        try
        {
            var (stream, fill) = await FullestAsync(cancellationToken).ConfigureAwait(false);
            var full = fill >= Limit ? stream : null;
            if (full is not null && _full is null)
            {
                Log.AdmissionStopped(logger, stream, (int)(fill * 100));
            }
            else if (full is null && _full is not null)
            {
                Log.AdmissionResumed(logger);
            }

            Volatile.Write(ref _full, full);
            _looked = time.GetTimestamp();
        }
        finally
        {
            Volatile.Write(ref _looking, 0);
        }
    }
}
