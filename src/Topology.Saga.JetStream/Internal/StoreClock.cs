using System.Globalization;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;

namespace Topology.Saga.JetStream.Internal;

/// <summary>The server's time: read when first asked and each minute, carried on by the monotonic clock. The machine's own time decides nothing.</summary>
internal sealed class StoreClock(SagaStore store, SagaStreams streams, TimeProvider time, ILogger<StoreClock> logger)
{
    private const int Readings = 3;
    private static readonly TimeSpan _readAgain = TimeSpan.FromMinutes(1);

    private Reading? _last;
    private int _reading;

    public ValueTask<DateTimeOffset> NowAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _last) is not { } last)
        {
            return ReadFirstAsync(cancellationToken);
        }

        if (time.GetElapsedTime(last.Taken) > _readAgain && Interlocked.Exchange(ref _reading, 1) == 0)
        {
            _ = ReadAgainAsync();
        }

        return new(Now(last));
    }

    private DateTimeOffset Now(Reading reading) => reading.Server + time.GetElapsedTime(reading.Taken);

    private async ValueTask<DateTimeOffset> ReadFirstAsync(CancellationToken cancellationToken) =>
        Now(await ReadAsync(cancellationToken).ConfigureAwait(false));

    private async Task ReadAgainAsync()
    {
        try
        {
            await ReadAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (SagaStoreException failure)
        {
            Log.ClockNotRead(logger, failure);
        }
        finally
        {
            Volatile.Write(ref _reading, 0);
        }
    }

    private async ValueTask<Reading> ReadAsync(CancellationToken cancellationToken)
    {
        Reading? best = null;
        var shortest = TimeSpan.MaxValue;
        for (var i = 0; i < Readings; i++)
        {
            // A message is stored between these two moments, and tells when: half of the time between them is the largest error.
            var mark = Guid.NewGuid().ToString("N");
            var headers = new NatsHeaders { ["Nats-Rollup"] = "sub", ["Saga-Mark"] = mark };
            var before = time.GetTimestamp();
            await store.PublishAsync(streams.Subjects.Clock, default, headers, null, cancellationToken).ConfigureAwait(false);
            var between = time.GetElapsedTime(before);
            var stored = await store.GetAsync(
                streams.Subjects.ItemStream, $$"""{"last_by_subj":"{{streams.Subjects.Clock}}"}""", cancellationToken).ConfigureAwait(false);
            if (stored is { } clock && (clock.Header("Saga-Mark") == mark || i == Readings - 1) && between < shortest)
            {
                shortest = between;
                best = new(clock.At, before + (long)(between.TotalSeconds / 2 * time.TimestampFrequency));
            }
        }

        var reading = best ?? throw new SagaStoreException(string.Create(CultureInfo.InvariantCulture, $"NATS, {streams.Subjects.Clock}: it did not tell the time."));
        Volatile.Write(ref _last, reading);
        return reading;
    }

    private sealed record Reading(DateTimeOffset Server, long Taken);
}
