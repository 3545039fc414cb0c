using Microsoft.Extensions.Logging;

namespace Topology.Saga.JetStream.Internal;

/// <summary>Refuses to start sagas while a stream, or what it is stored in, is nearly full, so that those under way have room to end.</summary>
internal sealed class SagaAdmission(SagaStore store, SagaStreams streams, TimeProvider time, ILogger<SagaAdmission> logger)
{
    public const double Limit = 0.9;

    private static readonly TimeSpan _lookAgain = TimeSpan.FromSeconds(2);

    private int _looking;
    private long? _looked;
    private string? _full;

    /// <exception cref="SagaStoreException">There is hardly any room.</exception>
    public async ValueTask RequireRoomAsync(CancellationToken cancellationToken)
    {
        if (_looked is not { } looked || time.GetElapsedTime(looked) > _lookAgain)
        {
            await LookAsync(cancellationToken).ConfigureAwait(false);
        }

        if (Volatile.Read(ref _full) is { } full)
        {
            throw new SagaStoreException($"NATS: {full} is nearly full, so no further saga is started.");
        }
    }

    /// <summary>Returns what is fullest of what starting a saga fills, and how full it is.</summary>
    public async ValueTask<(string What, double Fill)> FullestAsync(CancellationToken cancellationToken)
    {
        if (await store.IsRefusedAsync(cancellationToken).ConfigureAwait(false))
        {
            return ("the server's storage", 1);
        }

        (string What, double Fill)[] all =
        [
            ($"stream {streams.Subjects.LogStream}", await store.FillAsync(streams.Subjects.LogStream, cancellationToken).ConfigureAwait(false)),
            ($"stream {streams.Subjects.ItemStream}", await store.FillAsync(streams.Subjects.ItemStream, cancellationToken).ConfigureAwait(false)),
            ("the account's storage", await store.FillOfAccountAsync(cancellationToken).ConfigureAwait(false)),
        ];
        return all.MaxBy(one => one.Fill);
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
            var (what, fill) = await FullestAsync(cancellationToken).ConfigureAwait(false);
            var full = fill >= Limit ? what : null;
            if (full is not null && _full is null)
            {
                Log.AdmissionStopped(logger, what, (int)(fill * 100));
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
