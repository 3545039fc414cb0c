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
internal sealed class JetStreamDeadLetterQueueProvider(INatsConnection connection, JetStreamTopology topology, DeadLetterQueues queues)
    : IDeadLetterQueueProvider
{
    private const int Tries = 3;

    private static readonly TimeSpan PullTime = TimeSpan.FromSeconds(30);

    private readonly JetStreamReader _reader = new(connection, topology, queues);

    // This and the mark are all that a transfer waits for, so neither takes the way of the other calls, which costs more than it looks.
    public async ValueTask<bool> AppendAsync(DeadLetter letter, CancellationToken cancellationToken)
    {
        var queue = queues[letter.Queue];
        try
        {
            await topology.EnsureAsync(letter.Queue, cancellationToken).ConfigureAwait(false);
            if (connection.ServerInfo is null)
                await connection.ConnectAsync().AsTask().WaitAsync(cancellationToken).ConfigureAwait(false);
            var encoded = LetterCodec.Encode(letter, connection.ServerInfo!.MaxPayload);
            for (var part = 0; part < encoded.Overflow.Count; part++)
            {
                // Before the letter, so that no letter points at nothing.
                var written = Answer(await topology.Context.TryPublishAsync(
                    JetStreamReader.OverflowSubject(letter.Queue, letter.Id, part),
                    encoded.Overflow[part],
                    NatsRawSerializer<ReadOnlyMemory<byte>>.Default,
                    new() { RetryAttempts = Tries },
                    cancellationToken: cancellationToken).ConfigureAwait(false));
                if (written.Error is { } refused)
                    throw JetStreamErrors.Refused(letter.Queue, refused);
            }

            var stored = Answer(await topology.Context.TryPublishAsync(
                $"{queue.Subjects[0]}.{TenantToken(letter.Tenant)}.{letter.Id}",
                encoded.Body,
                NatsRawSerializer<ReadOnlyMemory<byte>>.Default,
                new() { MsgId = letter.Id, ExpectedLastSubjectSequence = 0, RetryAttempts = Tries },
                encoded.Headers,
                cancellationToken).ConfigureAwait(false));
            return stored switch
            {
                { Error.ErrCode: JetStreamErrors.WrongLastSequence } => false,
                { Error: { } error } => throw JetStreamErrors.Refused(letter.Queue, error),
                _ => !stored.Duplicate,
            };
        }
        catch (Exception failure) when (JetStreamErrors.IsClients(failure))
        {
            throw topology.Failed(letter.Queue, failure);
        }
    }

    public ValueTask<DeadLetter?> FindAsync(string queue, string id, CancellationToken cancellationToken) => topology.CallAsync(
        queue,
        async () => await _reader.LocateAsync(queue, id, cancellationToken).ConfigureAwait(false) is { } stored
            ? await _reader.ReadAsync(queue, stored, cancellationToken).ConfigureAwait(false)
            : null,
        cancellationToken);

    public async IAsyncEnumerable<DeadLetter> ReadAsync(string queue, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var stream = DeadLetterQueueNames.ToPhysical(queue);
        await foreach (var stored in _reader.ScanAsync(queue, stream, ">", cancellationToken).ConfigureAwait(false))
        {
            if (await topology.CallAsync(queue, () => _reader.ReadAsync(queue, stored, cancellationToken), cancellationToken).ConfigureAwait(false) is { } letter)
                yield return letter;
        }
    }

    public ValueTask<bool> RemoveAsync(string queue, string id, CancellationToken cancellationToken) => topology.CallAsync(
        queue,
        async () =>
        {
            if (await _reader.LocateAsync(queue, id, cancellationToken).ConfigureAwait(false) is not { } stored)
                return false;
            await DeleteAsync(DeadLetterQueueNames.ToPhysical(queue), stored.Sequence, cancellationToken).ConfigureAwait(false);
            _reader.Forget(id);
            var marks = DeadLetterQueueNames.ToPhysicalMarks(queue);
            for (var part = 0; part < LetterCodec.OverflowOf(stored.Headers); part++)
            {
                if (await _reader.GetAsync(marks, $$"""{"last_by_subj":"{{JetStreamReader.OverflowSubject(queue, id, part)}}"}""", cancellationToken).ConfigureAwait(false) is { } overflow)
                    await DeleteAsync(marks, overflow.Sequence, cancellationToken).ConfigureAwait(false);
            }

            return true;
        },
        cancellationToken);

    public ValueTask<DeadLetterQueueSample> SampleAsync(string queue, CancellationToken cancellationToken) => topology.CallAsync(
        queue,
        async () =>
        {
            var stream = await topology.Context.GetStreamAsync(DeadLetterQueueNames.ToPhysical(queue), cancellationToken: cancellationToken).ConfigureAwait(false);
            var state = stream.Info.State;
            return new DeadLetterQueueSample(state.Messages, state.Bytes, state.Messages > 0 ? JetStreamReader.Time(state.FirstTs) : null);
        },
        cancellationToken);

    public ValueTask<DeadLetterMark> ReadMarkAsync(string queue, string id, CancellationToken cancellationToken) => topology.CallAsync(
        queue,
        async () =>
        {
            var stored = await _reader.GetAsync(
                DeadLetterQueueNames.ToPhysicalMarks(queue), $$"""{"last_by_subj":"{{JetStreamReader.MarkSubject(queue, id)}}"}""", cancellationToken).ConfigureAwait(false);
            return stored is { } found ? ReadMark(found) : new DeadLetterMark { Queue = queue, Id = id };
        },
        cancellationToken);

    public async IAsyncEnumerable<DeadLetterMark> ReadMarksAsync(string queue, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var stream = DeadLetterQueueNames.ToPhysicalMarks(queue);
        await foreach (var stored in _reader.ScanAsync(queue, stream, JetStreamReader.MarkSubject(queue, "*"), cancellationToken).ConfigureAwait(false))
            yield return ReadMark(stored);
    }

    public async ValueTask<ulong?> TryWriteMarkAsync(DeadLetterMark mark, CancellationToken cancellationToken)
    {
        _ = queues[mark.Queue];
        try
        {
            await topology.EnsureAsync(mark.Queue, cancellationToken).ConfigureAwait(false);
            var written = Answer(await topology.Context.TryPublishAsync(
                JetStreamReader.MarkSubject(mark.Queue, mark.Id),
                JsonSerializer.SerializeToUtf8Bytes(mark, MarkJson.Default.DeadLetterMark),
                NatsRawSerializer<byte[]>.Default,
                new() { ExpectedLastSubjectSequence = mark.Revision, RetryAttempts = Tries },
                cancellationToken: cancellationToken).ConfigureAwait(false));
            return written switch
            {
                { Error.ErrCode: JetStreamErrors.WrongLastSequence } => null,
                { Error: { } error } => throw JetStreamErrors.Refused(mark.Queue, error),
                _ => written.Seq,
            };
        }
        catch (Exception failure) when (JetStreamErrors.IsClients(failure))
        {
            throw topology.Failed(mark.Queue, failure);
        }
    }

    public async IAsyncEnumerable<IDeadLetterDelivery> ReceiveAsync(
        string queue, DeadLetterConsumerOptions consumer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var durable = await topology.CallAsync(queue, () => topology.EnsureConsumerAsync(queue, consumer, cancellationToken), cancellationToken).ConfigureAwait(false);

        // One at a time: the time a letter is lent runs from its delivery, also while it waits in a buffer.
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var next = await topology.CallAsync(
                queue,
                () => durable.NextAsync(NatsRawSerializer<byte[]>.Default, new NatsJSNextOpts { Expires = PullTime }, cancellationToken),
                cancellationToken).ConfigureAwait(false);
            if (next is not { Metadata: { } metadata } message)
                yield break;
            var stored = new JetStreamReader.Stored(message.Subject, metadata.Sequence.Stream, metadata.Timestamp, message.Headers, message.Data ?? []);
            if (await topology.CallAsync(queue, () => _reader.ReadAsync(queue, stored, cancellationToken), cancellationToken).ConfigureAwait(false) is { } letter)
                yield return new Delivery(topology, letter, message);
            else
                await message.AckAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>A tenant as one subject token that is its own for every tenant.</summary>
    internal static string TenantToken(string tenant)
    {
        if (DeadLetterId.IsValid(tenant))
            return tenant; // the same characters, and no more of them
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

    private static DeadLetterMark ReadMark(JetStreamReader.Stored stored) =>
        JsonSerializer.Deserialize(stored.Body.Span, MarkJson.Default.DeadLetterMark)! with { Revision = stored.Sequence };

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

    private static PubAckResponse Answer(in NatsResult<PubAckResponse> result) => result.Success ? result.Value : throw result.Error;

    private sealed class Delivery(JetStreamTopology topology, DeadLetter letter, INatsJSMsg<byte[]> message) : IDeadLetterDelivery
    {
        public DeadLetter Letter => letter;

        public ValueTask RenewAsync(CancellationToken cancellationToken) =>
            Call(() => message.AckProgressAsync(cancellationToken: cancellationToken), cancellationToken);

        public ValueTask SettleAsync(CancellationToken cancellationToken) =>
            Call(() => message.AckAsync(cancellationToken: cancellationToken), cancellationToken);

        public ValueTask PutBackAsync(TimeSpan delay, CancellationToken cancellationToken) =>
            Call(() => message.NakAsync(new AckOpts { NakDelay = delay }, cancellationToken), cancellationToken);

        private async ValueTask Call(Func<ValueTask> call, CancellationToken cancellationToken) => await topology.CallAsync(
            letter.Queue,
            async () =>
            {
                await call().ConfigureAwait(false);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
    }
}
