using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Primitives;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Topology.Dlq.Internal;

internal sealed class StrandedMessages(
    JetStreamTopology topology, IDeadLetterQueueProvider provider, IDeadLetterPublisher publisher, DeadLetterQueues queues) : IStrandedMessages
{
    private const int NoMessage = 10037;
    private const string MaxDeliveries = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES";
    private const string Terminated = "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED";

    private readonly GuardedConsumerOptions _headers = new();

    public static IReadOnlyList<string> AdvisorySubjects { get; } = [$"{MaxDeliveries}.>", $"{Terminated}.>"];

    public async IAsyncEnumerable<StrandedMessage> FindAsync(
        string stream, string consumer, string queue, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(stream);
        ArgumentException.ThrowIfNullOrEmpty(consumer);
        _ = queues[queue];
        await topology.EnsureAsync(queue, cancellationToken).ConfigureAwait(false);
        var found = await CallAsync(queue, () => CollectAsync(stream, consumer, queue, cancellationToken)).ConfigureAwait(false);
        foreach (var message in found.Values)
        {
            var mark = await provider.ReadMarkAsync(queue, message.LetterId, cancellationToken).ConfigureAwait(false);
            if (!mark.Transferred && mark.Closed is null)
                yield return message;
        }
    }

    public async ValueTask<DeadLetterReceipt?> TransferAsync(StrandedMessage message, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        var (stored, info) = await CallAsync(
            message.Queue,
            async () =>
            {
                var stream = await topology.Context.GetStreamAsync(message.Stream, cancellationToken: cancellationToken).ConfigureAwait(false);
                return (await GetAsync(stream, new() { Seq = message.Sequence }, cancellationToken).ConfigureAwait(false), stream.Info);
            }).ConfigureAwait(false);

        // The same sequence in another life of the stream is another message.
        if (stored is null || LetterId(info, message.Sequence, message.Consumer) != message.LetterId)
            return null;
        var headers = Headers(stored);
        var others = LetterCodec.Others(headers);
        var receipt = await publisher.PublishAsync(
            new DeadLetter
            {
                Queue = message.Queue,
                Id = message.LetterId,
                Subject = stored.Subject,
                Reason = DeadLetterReasons.Stranded,
                Tenant = Value(others, _headers.TenantHeader) ?? DeadLetter.NoTenant,
                WorkflowId = Value(others, _headers.WorkflowIdHeader),
                ContentType = Value(others, "content-type"),
                Headers = [.. others.Where(header => !header.Key.StartsWith("Dlq-", StringComparison.OrdinalIgnoreCase))],
                Body = stored.Data,
                FirstFailedAt = message.GivenUpAt ?? message.StoredAt,
                LastFailedAt = message.GivenUpAt ?? message.StoredAt,
                Attempts = message.Deliveries,
                RedriveCount = int.TryParse(LetterCodec.Find(headers, RedriveHeaders.Count), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 0,
                Source = new(message.Stream, message.Sequence, message.Consumer, message.StoredAt, LetterCodec.Find(headers, "Nats-Msg-Id")),
            },
            cancellationToken).ConfigureAwait(false);
        if (info.Config.Retention == StreamConfigRetention.Workqueue)
        {
            await CallAsync(
                message.Queue,
                () => topology.Context.DeleteMessageAsync(message.Stream, new StreamMsgDeleteRequest { Seq = message.Sequence, NoErase = true }, cancellationToken))
                .ConfigureAwait(false);
        }

        return receipt;
    }

    private static string? Value(IReadOnlyList<KeyValuePair<string, string>> headers, string name) =>
        headers.FirstOrDefault(header => string.Equals(header.Key, name, StringComparison.OrdinalIgnoreCase)).Value;

    private static string LetterId(StreamInfo stream, ulong sequence, string consumer) => DeadLetterId.Of(
        stream.Config.Name!, stream.Created.UtcTicks.ToString(CultureInfo.InvariantCulture), sequence.ToString(CultureInfo.InvariantCulture), consumer);

    private static ValueTask<T> CallAsync<T>(string queue, Func<ValueTask<T>> call) => JetStreamErrors.WrapAsync(queue, call);

    private static async ValueTask<StoredMessage?> GetAsync(INatsJSStream stream, StreamMsgGetRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return (await stream.GetAsync(request, cancellationToken).ConfigureAwait(false)).Message;
        }
        catch (NatsJSApiException none) when (none.Error.ErrCode == NoMessage)
        {
            return null;
        }
    }

    private static NatsHeaders? Headers(StoredMessage stored)
    {
        if (stored.Hdrs is null)
            return null;
        var headers = new NatsHeaders();

        // The wire form: a version line, then one header a line.
        foreach (var line in Encoding.UTF8.GetString(Convert.FromBase64String(stored.Hdrs)).Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Skip(1))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0)
                headers[line[..colon]] = StringValues.Concat(headers.TryGetValue(line[..colon], out var values) ? values : StringValues.Empty, line[(colon + 1)..].Trim());
        }

        return headers;
    }

    private async ValueTask<SortedDictionary<ulong, StrandedMessage>> CollectAsync(
        string stream, string consumer, string queue, CancellationToken cancellationToken)
    {
        var work = await topology.Context.GetStreamAsync(stream, cancellationToken: cancellationToken).ConfigureAwait(false);
        var found = new SortedDictionary<ulong, StrandedMessage>();
        await ScanAsync(work, consumer, queue, found, cancellationToken).ConfigureAwait(false);
        if (await topology.FindAdvisoriesAsync(cancellationToken).ConfigureAwait(false) is not { } advisories)
            return found;
        foreach (var kind in new[] { Terminated, MaxDeliveries })
        {
            ulong next = 1;
            while (await GetAsync(advisories, new() { Seq = next, NextBySubj = $"{kind}.{stream}.{consumer}" }, cancellationToken).ConfigureAwait(false) is { } advisory)
            {
                next = advisory.Seq + 1;
                using var json = JsonDocument.Parse(advisory.Data);
                var sequence = json.RootElement.GetProperty("stream_seq").GetUInt64();
                var givenUpAt = json.RootElement.GetProperty("timestamp").GetDateTimeOffset();

                // Older than the stream: of an earlier one with this name.
                if (givenUpAt < work.Info.Created)
                    continue;
                if (!found.TryGetValue(sequence, out var message))
                {
                    if (await GetAsync(work, new() { Seq = sequence }, cancellationToken).ConfigureAwait(false) is not { } stored)
                        continue;
                    message = Message(work.Info, consumer, queue, stored);
                }

                found[sequence] = message with
                {
                    GivenUpAt = givenUpAt,
                    Deliveries = json.RootElement.GetProperty("deliveries").GetInt32(),
                    Terminated = kind == Terminated,
                };
            }
        }

        return found;
    }

    private async ValueTask ScanAsync(
        INatsJSStream work, string consumer, string queue, SortedDictionary<ulong, StrandedMessage> found, CancellationToken cancellationToken)
    {
        var removesAcknowledged = work.Info.Config.Retention == StreamConfigRetention.Workqueue
            || work.Info.Config.Retention == StreamConfigRetention.Interest && work.Info.State.ConsumerCount == 1;
        if (!removesAcknowledged)
            return;
        ConsumerInfo info;
        try
        {
            info = (await topology.Context.GetConsumerAsync(work.Info.Config.Name!, consumer, cancellationToken).ConfigureAwait(false)).Info;
        }
        catch (NatsJSApiException gone) when (gone.Error.Code == 404)
        {
            return;
        }

        // The floor is below everything that is pending; with nothing pending it may lag behind what was delivered.
        var last = info.NumAckPending == 0 ? info.Delivered.StreamSeq : info.AckFloor.StreamSeq;
        var filter = info.Config.FilterSubject is { Length: > 0 } subject ? subject : ">";
        ulong next = 1;
        while (await GetAsync(work, new() { Seq = next, NextBySubj = filter }, cancellationToken).ConfigureAwait(false) is { } stored && stored.Seq <= last)
        {
            found[stored.Seq] = Message(work.Info, consumer, queue, stored);
            next = stored.Seq + 1;
        }
    }

    private static StrandedMessage Message(StreamInfo stream, string consumer, string queue, StoredMessage stored) => new()
    {
        Queue = queue,
        LetterId = LetterId(stream, stored.Seq, consumer),
        Stream = stream.Config.Name!,
        Consumer = consumer,
        Sequence = stored.Seq,
        Subject = stored.Subject,
        StoredAt = stored.Time,
    };
}
