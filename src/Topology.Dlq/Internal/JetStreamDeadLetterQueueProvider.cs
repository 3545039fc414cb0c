using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Topology.Dlq.Internal;

/// <summary>Letters in one stream per queue, one subject per letter; marks in a small stream beside it, the last value per subject.</summary>
/// <remarks>
/// Reading uses direct gets, one message at a time: no consumer is made, so looking can neither consume nor be in anyone's way.
/// </remarks>
internal sealed class JetStreamDeadLetterQueueProvider(INatsConnection connection, JetStreamTopology topology, DeadLetterQueues queues)
    : IDeadLetterQueueProvider
{
    private static readonly TimeSpan PullTime = TimeSpan.FromSeconds(30);

    public ValueTask<bool> AppendAsync(DeadLetter letter, CancellationToken cancellationToken) => CallAsync(
        letter.Queue,
        async () =>
        {
            if (connection.ServerInfo is null)
                await connection.ConnectAsync().AsTask().WaitAsync(cancellationToken).ConfigureAwait(false);
            var encoded = LetterCodec.Encode(letter, connection.ServerInfo!.MaxPayload);
            for (var part = 0; part < encoded.Overflow.Count; part++)
            {
                // Before the letter, so that no letter points at nothing.
                var written = await PublishAsync(OverflowSubject(letter.Queue, letter.Id, part), encoded.Overflow[part], null, new(), cancellationToken)
                    .ConfigureAwait(false);
                if (written.Error is { } refused)
                    throw JetStreamErrors.Refused(letter.Queue, refused);
            }

            var stored = await PublishAsync(
                $"{queues[letter.Queue].Subjects[0]}.{TenantToken(letter.Tenant)}.{letter.Id}",
                encoded.Body,
                encoded.Headers,
                new NatsJSPubOpts { MsgId = letter.Id, ExpectedLastSubjectSequence = 0 },
                cancellationToken).ConfigureAwait(false);
            return stored switch
            {
                { Error.ErrCode: JetStreamErrors.WrongLastSequence } => false,
                { Error: { } error } => throw JetStreamErrors.Refused(letter.Queue, error),
                _ => !stored.Duplicate,
            };
        },
        cancellationToken);

    public ValueTask<DeadLetter?> FindAsync(string queue, string id, CancellationToken cancellationToken) => CallAsync(
        queue,
        async () => await LocateAsync(queue, id, cancellationToken).ConfigureAwait(false) is { } stored
            ? await ReadAsync(queue, stored, cancellationToken).ConfigureAwait(false)
            : null,
        cancellationToken);

    public async IAsyncEnumerable<DeadLetter> ReadAsync(string queue, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var stream = DeadLetterQueueNames.ToPhysical(queue);
        await foreach (var stored in ScanAsync(queue, stream, ">", cancellationToken).ConfigureAwait(false))
        {
            if (await CallAsync(queue, () => ReadAsync(queue, stored, cancellationToken), cancellationToken).ConfigureAwait(false) is { } letter)
                yield return letter;
        }
    }

    public ValueTask<bool> RemoveAsync(string queue, string id, CancellationToken cancellationToken) => CallAsync(
        queue,
        async () =>
        {
            if (await LocateAsync(queue, id, cancellationToken).ConfigureAwait(false) is not { } stored)
                return false;
            await DeleteAsync(DeadLetterQueueNames.ToPhysical(queue), stored.Sequence, cancellationToken).ConfigureAwait(false);
            var marks = DeadLetterQueueNames.ToPhysicalMarks(queue);
            for (var part = 0; part < LetterCodec.OverflowOf(stored.Headers); part++)
            {
                if (await GetAsync(marks, $$"""{"last_by_subj":"{{OverflowSubject(queue, id, part)}}"}""", cancellationToken).ConfigureAwait(false) is { } overflow)
                    await DeleteAsync(marks, overflow.Sequence, cancellationToken).ConfigureAwait(false);
            }

            return true;
        },
        cancellationToken);

    public ValueTask<DeadLetterQueueSample> SampleAsync(string queue, CancellationToken cancellationToken) => CallAsync(
        queue,
        async () =>
        {
            var stream = await topology.Context.GetStreamAsync(DeadLetterQueueNames.ToPhysical(queue), cancellationToken: cancellationToken).ConfigureAwait(false);
            var state = stream.Info.State;
            return new DeadLetterQueueSample(state.Messages, state.Bytes, state.Messages > 0 ? Time(state.FirstTs) : null);
        },
        cancellationToken);

    public ValueTask<DeadLetterMark> ReadMarkAsync(string queue, string id, CancellationToken cancellationToken) => CallAsync(
        queue,
        async () =>
        {
            var stored = await GetAsync(
                DeadLetterQueueNames.ToPhysicalMarks(queue), $$"""{"last_by_subj":"{{MarkSubject(queue, id)}}"}""", cancellationToken).ConfigureAwait(false);
            return stored is { } found ? ReadMark(found) : new DeadLetterMark { Queue = queue, Id = id };
        },
        cancellationToken);

    public async IAsyncEnumerable<DeadLetterMark> ReadMarksAsync(string queue, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var stream = DeadLetterQueueNames.ToPhysicalMarks(queue);
        await foreach (var stored in ScanAsync(queue, stream, MarkSubject(queue, "*"), cancellationToken).ConfigureAwait(false))
            yield return ReadMark(stored);
    }

    public ValueTask<ulong?> TryWriteMarkAsync(DeadLetterMark mark, CancellationToken cancellationToken) => CallAsync<ulong?>(
        mark.Queue,
        async () =>
        {
            var written = await PublishAsync(
                MarkSubject(mark.Queue, mark.Id),
                JsonSerializer.SerializeToUtf8Bytes(mark with { Revision = 0 }, MarkJson.Default.DeadLetterMark),
                null,
                new NatsJSPubOpts { ExpectedLastSubjectSequence = mark.Revision },
                cancellationToken).ConfigureAwait(false);
            return written switch
            {
                { Error.ErrCode: JetStreamErrors.WrongLastSequence } => null,
                { Error: { } error } => throw JetStreamErrors.Refused(mark.Queue, error),
                _ => written.Seq,
            };
        },
        cancellationToken);

    public async IAsyncEnumerable<IDeadLetterDelivery> ReceiveAsync(
        string queue, DeadLetterConsumerOptions consumer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var durable = await CallAsync(queue, () => topology.EnsureConsumerAsync(queue, consumer, cancellationToken), cancellationToken).ConfigureAwait(false);

        // One at a time: the time a letter is lent runs from its delivery, also while it waits in a buffer.
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var next = await CallAsync(
                queue,
                () => durable.NextAsync(NatsRawSerializer<byte[]>.Default, new NatsJSNextOpts { Expires = PullTime }, cancellationToken),
                cancellationToken).ConfigureAwait(false);
            if (next is not { Metadata: { } metadata } message)
                yield break;
            var stored = new Stored(message.Subject, metadata.Sequence.Stream, metadata.Timestamp, message.Headers, message.Data ?? []);
            if (await CallAsync(queue, () => ReadAsync(queue, stored, cancellationToken), cancellationToken).ConfigureAwait(false) is { } letter)
                yield return new Delivery(this, letter, message);
            else
                await message.AckAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>A tenant as one subject token that is its own for every tenant.</summary>
    internal static string TenantToken(string tenant)
    {
        var token = new StringBuilder();
        foreach (var octet in Encoding.UTF8.GetBytes(tenant))
        {
            if (char.IsAsciiLetterOrDigit((char)octet) || octet is (byte)'-' or (byte)'_')
                token.Append((char)octet);
            else
                token.Append('=').Append(octet.ToString("X2", CultureInfo.InvariantCulture));
        }

        return token.Length switch
        {
            0 => "=",
            <= 64 => token.ToString(),
            _ => "==" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(tenant)).AsSpan(0, 16)),
        };
    }

    private static DateTimeOffset Time(string? text) =>
        DateTimeOffset.Parse(text ?? "", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);

    private static string MarkSubject(string queue, string id) => $"{DeadLetterQueueNames.ToPhysicalMarks(queue)}.{id}";

    private static string OverflowSubject(string queue, string id, int part) =>
        string.Create(CultureInfo.InvariantCulture, $"{MarkSubject(queue, id)}.overflow.{part}");

    private static DeadLetterMark ReadMark(Stored stored) =>
        JsonSerializer.Deserialize(stored.Body.Span, MarkJson.Default.DeadLetterMark)! with { Revision = stored.Sequence };

    // Seconds that tell one life of a stream from the next, in which its sequences start again.
    private static string ExternalId(Stored stored) => string.Create(
        CultureInfo.InvariantCulture, $"ext-{stored.StoredAt.ToUnixTimeSeconds():x}-{stored.Sequence}");

    private async ValueTask<Stored?> LocateAsync(string queue, string id, CancellationToken cancellationToken)
    {
        var stream = DeadLetterQueueNames.ToPhysical(queue);
        if (id.StartsWith("ext-", StringComparison.Ordinal)
            && ulong.TryParse(id.AsSpan(id.LastIndexOf('-') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var sequence)
            && await GetAsync(stream, $$"""{"seq":{{sequence}}}""", cancellationToken).ConfigureAwait(false) is { } external
            && ExternalId(external) == id)
        {
            return external;
        }

        foreach (var subject in queues[queue].Subjects)
        {
            if (await GetAsync(stream, $$"""{"seq":1,"next_by_subj":"{{subject}}.*.{{id}}"}""", cancellationToken).ConfigureAwait(false) is { } found)
                return found;
        }

        return null;
    }

    private async IAsyncEnumerable<Stored> ScanAsync(
        string queue, string stream, string subject, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var last = await CallAsync(
            queue,
            async () => (await topology.Context.GetStreamAsync(stream, cancellationToken: cancellationToken).ConfigureAwait(false)).Info.State.LastSeq,
            cancellationToken).ConfigureAwait(false);
        ulong next = 1;
        ulong width = 1;
        while (next <= last)
        {
            // What comes next is looked for; while nothing is missing, what follows it is asked for by number, many at a time.
            var at = next;
            var beyond = Math.Min(at + width, last + 1);
            var found = await CallAsync(
                queue,
                async () => await Task.WhenAll(Range(at, beyond).Select(number => GetAsync(
                    stream, number == at ? $$"""{"seq":{{number}},"next_by_subj":"{{subject}}"}""" : $$"""{"seq":{{number}}}""", cancellationToken).AsTask()))
                    .ConfigureAwait(false),
                cancellationToken).ConfigureAwait(false);
            if (found[0] is not { } first || first.Sequence > last)
                yield break;
            yield return first;
            next = first.Sequence + 1;
            var hits = 1;
            foreach (var stored in found.OfType<Stored>().Where(stored => stored.Sequence >= next && Matches(stored.Subject)))
            {
                yield return stored;
                next = stored.Sequence + 1;
                hits++;
            }

            next = Math.Max(next, beyond);
            width = 2 * hits > (int)width ? Math.Min(2 * width, 64) : Math.Max(1, width / 2);
        }

        bool Matches(string found) => subject == ">" || (found.StartsWith(subject[..^1], StringComparison.Ordinal) && !found.AsSpan(subject.Length - 1).Contains('.'));

        static IEnumerable<ulong> Range(ulong from, ulong beyond)
        {
            for (var number = from; number < beyond; number++)
                yield return number;
        }
    }

    /// <returns>The letter; null when it was removed meanwhile.</returns>
    private async ValueTask<DeadLetter?> ReadAsync(string queue, Stored stored, CancellationToken cancellationToken)
    {
        byte[]? overflow = null;
        if (LetterCodec.OverflowOf(stored.Headers) is > 0 and var parts && LetterCodec.Find(stored.Headers, "Dlq-Id") is { } id && DeadLetterId.IsValid(id))
        {
            using var all = new MemoryStream();
            for (var part = 0; part < parts; part++)
            {
                if (await GetAsync(
                    DeadLetterQueueNames.ToPhysicalMarks(queue), $$"""{"last_by_subj":"{{OverflowSubject(queue, id, part)}}"}""", cancellationToken)
                    .ConfigureAwait(false) is not { } found)
                {
                    return await LocateAsync(queue, id, cancellationToken).ConfigureAwait(false) is null
                        ? null
                        : throw new DeadLetterException($"Letter '{id}' in '{queue}' has lost its overflow part {part}.") { Queue = queue };
                }

                all.Write(found.Body.Span);
            }

            overflow = all.ToArray();
        }

        return LetterCodec.Decode(queue, ExternalId(stored), stored.Subject, stored.StoredAt, stored.Headers, stored.Body, overflow);
    }

    private async ValueTask<Stored?> GetAsync(string stream, string request, CancellationToken cancellationToken)
    {
        var reply = await connection.RequestAsync(
            $"{topology.Context.Opts.Prefix}.DIRECT.GET.{stream}",
            Encoding.UTF8.GetBytes(request),
            requestSerializer: NatsRawSerializer<byte[]>.Default,
            replySerializer: NatsRawSerializer<byte[]>.Default,
            replyOpts: new NatsSubOpts { Timeout = topology.Context.Opts.RequestTimeout },
            cancellationToken: cancellationToken).ConfigureAwait(false);
        if (reply.Headers is { Code: 404 })
            return null;
        if (reply.Headers is not { Code: 0 } headers || LetterCodec.Find(headers, "Nats-Sequence") is not { } sequence)
            throw new NatsException($"A direct get from {stream} was answered with {reply.Headers?.Code} {reply.Headers?.MessageText}.");
        return new Stored(
            LetterCodec.Find(headers, "Nats-Subject") ?? "",
            ulong.Parse(sequence, CultureInfo.InvariantCulture),
            Time(LetterCodec.Find(headers, "Nats-Time-Stamp")),
            headers,
            reply.Data ?? []);
    }

    private async ValueTask DeleteAsync(string stream, ulong sequence, CancellationToken cancellationToken)
    {
        try
        {
            await topology.Context.DeleteMessageAsync(stream, new StreamMsgDeleteRequest { Seq = sequence, NoErase = true }, cancellationToken).ConfigureAwait(false);
        }
        catch (NatsJSApiException gone) when (gone.Error.ErrCode is 10043 or 10057)
        {
            // Removed by somebody else meanwhile.
        }
    }

    private ValueTask<PubAckResponse> PublishAsync(
        string subject, ReadOnlyMemory<byte> body, NatsHeaders? headers, NatsJSPubOpts opts, CancellationToken cancellationToken) =>
        topology.Context.PublishAsync(
            subject, body, NatsRawSerializer<ReadOnlyMemory<byte>>.Default, opts with { RetryAttempts = 3 }, headers, cancellationToken);

    private async ValueTask<T> CallAsync<T>(string queue, Func<ValueTask<T>> call, CancellationToken cancellationToken)
    {
        _ = queues[queue];
        try
        {
            await topology.EnsureAsync(queue, cancellationToken).ConfigureAwait(false);
            return await call().ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is NatsException or TimeoutException)
        {
            if (failure is NatsNoRespondersException or NatsJSPublishNoResponseException or NatsJSApiException or NatsJSProtocolException)
                topology.Forget(queue);
            throw JetStreamErrors.Wrapped(queue, failure);
        }
    }

    private readonly record struct Stored(string Subject, ulong Sequence, DateTimeOffset StoredAt, NatsHeaders? Headers, ReadOnlyMemory<byte> Body);

    private sealed class Delivery(JetStreamDeadLetterQueueProvider provider, DeadLetter letter, INatsJSMsg<byte[]> message) : IDeadLetterDelivery
    {
        public DeadLetter Letter => letter;

        public ValueTask RenewAsync(CancellationToken cancellationToken) =>
            Call(() => message.AckProgressAsync(cancellationToken: cancellationToken), cancellationToken);

        public ValueTask SettleAsync(CancellationToken cancellationToken) =>
            Call(() => message.AckAsync(cancellationToken: cancellationToken), cancellationToken);

        public ValueTask PutBackAsync(TimeSpan delay, CancellationToken cancellationToken) =>
            Call(() => message.NakAsync(new AckOpts { NakDelay = delay }, cancellationToken), cancellationToken);

        private async ValueTask Call(Func<ValueTask> call, CancellationToken cancellationToken) => await provider.CallAsync(
            letter.Queue,
            async () =>
            {
                await call().ConfigureAwait(false);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
    }
}
