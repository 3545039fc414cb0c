using System.Runtime.CompilerServices;
using NATS.Client.Core;

namespace Topology.Saga.JetStream.Internal;

/// <summary>Histories in one stream, one subject per saga. A version is a sequence of the stream, so no version is ever used twice.</summary>
/// <remarks>
/// The fence is the server's compare-and-set of the subject's last sequence. Entries carry no message id: a server that finds one again
/// answers "stored" before it compares.
/// </remarks>
internal sealed class JetStreamSagaJournal(SagaStore store, SagaStreams streams, StoreClock clock) : ISagaJournal
{
    private const string Kind = "log";
    private const string Deleted = "Saga-Deleted";

    private string Stream => streams.Subjects.LogStream;

    public ValueTask<SagaAppendResult> AppendAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken) =>
        WriteAsync(id, expectedVersion, SagaCodec.Write(entry), null, cancellationToken);

    public async ValueTask<SagaAppendResult> CompactAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken)
    {
        var body = SagaCodec.Write(entry);
        var result = await WriteAsync(id, expectedVersion, body, Rollup(), cancellationToken).ConfigureAwait(false);
        if (result.Stored && body.Length <= SagaStore.LargestBody)
        {
            await store.PurgeAsync(Stream, $"{streams.Subjects.Of(Kind, id)}.part.>", (ulong)result.Version, cancellationToken).ConfigureAwait(false);
        }

        return result;
    }

    public async ValueTask DeleteAsync(SagaId id, long expectedVersion, CancellationToken cancellationToken)
    {
        // A purge knows no compare-and-set, a last entry does.
        var headers = Rollup();
        headers[Deleted] = "1";
        if (await store.PublishAsync(id, Kind, "entry", default, headers, (ulong)expectedVersion, cancellationToken).ConfigureAwait(false) is { } last)
        {
            await PurgeAsync(id, last, cancellationToken).ConfigureAwait(false);
        }
    }

    public ValueTask<DateTimeOffset> GetTimeAsync(CancellationToken cancellationToken) => clock.NowAsync(cancellationToken);

    public async ValueTask<IReadOnlyList<SagaStoredEntry>> ReadAsync(SagaId id, long afterVersion, CancellationToken cancellationToken)
    {
        var entries = new List<SagaStoredEntry>();
        var subject = streams.Subjects.Of(Kind, id, "entry");
        var after = (ulong)afterVersion;

        // The last one first: to find that there is none costs a look, to find that there is none further a walk through the stream.
        var last = (await store.GetLastAsync(Stream, subject, cancellationToken).ConfigureAwait(false))?.Sequence ?? 0;
        while (after < last && await store.GetNextAsync(Stream, subject, after, cancellationToken).ConfigureAwait(false) is { } found)
        {
            after = found.Sequence;
            if (found.Header(Deleted) is null)
            {
                entries.Add(await ReadAsync(found, cancellationToken).ConfigureAwait(false));
            }
        }

        return entries;
    }

    public async IAsyncEnumerable<SagaListed> ListAsync(string definition, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var sagas = await store.CountAsync(Stream, streams.Subjects.EntriesOf(definition), cancellationToken).ConfigureAwait(false);
        foreach (var subject in sagas.Keys)
        {
            if (await store.GetLastAsync(Stream, subject, cancellationToken).ConfigureAwait(false) is not { } last)
            {
                continue;
            }

            var id = new SagaId(definition, SagaStore.IdOf(last.Subject, last.Headers));
            if (last.Header(Deleted) is null)
            {
                yield return new(id, await ReadAsync(last, cancellationToken).ConfigureAwait(false));
            }
            else
            {
                // Whoever deleted it did not get to the end.
                await PurgeAsync(id, last.Sequence, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private static NatsHeaders Rollup() => new() { ["Nats-Rollup"] = "sub" };

    private ValueTask PurgeAsync(SagaId id, ulong last, CancellationToken cancellationToken) =>
        store.PurgeAsync(Stream, $"{streams.Subjects.Of(Kind, id)}.>", last, cancellationToken);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<SagaAppendResult> WriteAsync(
        SagaId id, long expectedVersion, ReadOnlyMemory<byte> body, NatsHeaders? headers, CancellationToken cancellationToken)
    {
        var stored = await store.PublishAsync(id, Kind, "entry", body, headers, (ulong)expectedVersion, cancellationToken).ConfigureAwait(false);
        if (stored is null && expectedVersion == 0 && headers is null
            && await store.GetLastAsync(Stream, streams.Subjects.Of(Kind, id, "entry"), cancellationToken).ConfigureAwait(false) is { } last
            && last.Header(Deleted) is not null)
        {
            stored = await store.PublishAsync(id, Kind, "entry", body, headers, last.Sequence, cancellationToken).ConfigureAwait(false);
        }

        return stored is { } version
            ? new(true, (long)version, await clock.NowAsync(cancellationToken).ConfigureAwait(false))
            : SagaAppendResult.Conflict;
    }

    private async ValueTask<SagaStoredEntry> ReadAsync(StoredMessage message, CancellationToken cancellationToken) => new(
        (long)message.Sequence, message.At, SagaCodec.ReadEntry(await store.BodyAsync(Stream, message, cancellationToken).ConfigureAwait(false)));
}
