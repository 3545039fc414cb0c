using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Topology.Dlq.Internal;

/// <summary>Messages set aside until they are due: copies in a stream of the queue, one subject per consumer and due minute.</summary>
/// <remarks>
/// A delayed message counts as pending with the server, and a consumer with too many pending gets nothing else. A copy is consumed from its
/// due minute on, by a consumer of that minute alone; what it carries, its identity above all, is the original's.
/// </remarks>
internal sealed class DelayedWork(
    string name, GuardedConsumerOptions options, JetStreamTopology topology, TimeProvider time, ILogger logger)
{
    private const string Letter = "Dlq-Delayed-Letter";
    private const string Subject = "Dlq-Delayed-Subject";
    private const string Sequence = "Dlq-Delayed-Sequence";
    private const string StoredAt = "Dlq-Delayed-Stored-At";
    private const string MessageId = "Dlq-Delayed-Msg-Id";

    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan CountAgain = TimeSpan.FromSeconds(1);

    private readonly SortedDictionary<long, INatsJSConsumer> _due = [];
    private long? _looked;
    private long? _counted;
    private int _pending;

    /// <summary>Gets whether copies are due.</summary>
    public bool IsDue => _due.Count > 0;

    private string Stream => JetStreamShapes.DelayedStream(options.Queue);

    private string Prefix => $"{Stream}.{options.Stream}.{name}";

    /// <summary>Stores a copy when half of what may be pending is, so that the rest is not held up.</summary>
    /// <returns>Whether the copy is stored.</returns>
    public async ValueTask<bool> TryAddAsync(IWorkDelivery delivery, string letterId, int tries, TimeSpan delay, CancellationToken cancellationToken)
    {
        if (delivery.LetterId is not null || delay > topology.MarkMaxAge(options.Queue) / 2)
            return false;
        try
        {
            if (!await IsCrowdedAsync(cancellationToken).ConfigureAwait(false) || !await topology.EnsureDelayedAsync(options.Queue, cancellationToken).ConfigureAwait(false))
                return false;
            var headers = new NatsHeaders();
            foreach (var (header, values) in delivery.Headers ?? [])
            {
                if (!header.StartsWith("Nats-", StringComparison.OrdinalIgnoreCase))
                    headers[header] = values;
            }

            headers[Letter] = letterId;
            headers[Subject] = delivery.Subject;
            headers[Sequence] = delivery.Sequence.ToString(CultureInfo.InvariantCulture);
            headers[StoredAt] = delivery.StoredAt.ToString("O", CultureInfo.InvariantCulture);
            if (LetterCodec.Find(delivery.Headers, "Nats-Msg-Id") is { } messageId)
                headers[MessageId] = messageId;
            var ack = await topology.Context.PublishAsync(
                string.Create(CultureInfo.InvariantCulture, $"{Prefix}.{MinuteOf(time.GetUtcNow() + delay) + 1}"),
                delivery.Body,
                NatsRawSerializer<ReadOnlyMemory<byte>>.Default,
                new NatsJSPubOpts { MsgId = string.Create(CultureInfo.InvariantCulture, $"{letterId}:{tries}"), RetryAttempts = 3 },
                headers,
                cancellationToken).ConfigureAwait(false);
            if (ack.Error is { } refused)
                throw JetStreamErrors.Refused(options.Queue, refused);
            return true;
        }
        catch (Exception failure) when (failure is NatsException or DeadLetterException or TimeoutException)
        {
            Log.NotSetAside(logger, failure, name, delivery.Sequence);
            return false;
        }
    }

    /// <summary>Takes up to a number of copies that are due; waits for none.</summary>
    public async IAsyncEnumerable<IWorkDelivery> FetchAsync(int count, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (_looked is not { } looked || time.GetElapsedTime(looked) > LookAgain)
        {
            _looked = time.GetTimestamp();
            await LookAsync(cancellationToken).ConfigureAwait(false);
        }

        foreach (var consumer in _due.Values)
        {
            if (count <= 0)
                yield break;
            await foreach (var message in consumer.FetchNoWaitAsync(new NatsJSFetchOpts { MaxMsgs = count }, NatsRawSerializer<byte[]>.Default, cancellationToken).ConfigureAwait(false))
            {
                count--;
                yield return new Copy(message);
            }
        }
    }

    public void Forget()
    {
        _due.Clear();
        _looked = null;
        _counted = null;
    }

    private static long MinuteOf(DateTimeOffset at) => at.ToUnixTimeSeconds() / 60;

    private async ValueTask<bool> IsCrowdedAsync(CancellationToken cancellationToken)
    {
        if (_counted is not { } counted || time.GetElapsedTime(counted) > CountAgain)
        {
            _counted = time.GetTimestamp();
            var info = (await topology.Context.GetConsumerAsync(options.Stream, name, cancellationToken).ConfigureAwait(false)).Info;
            Volatile.Write(ref _pending, info.NumAckPending);
        }

        return Interlocked.Increment(ref _pending) > options.MaxAckPending / 2;
    }

    private async ValueTask LookAsync(CancellationToken cancellationToken)
    {
        var minutes = new HashSet<long>();
        try
        {
            var stream = await topology.Context.GetStreamAsync(
                Stream, new StreamInfoRequest { SubjectsFilter = $"{Prefix}.*" }, cancellationToken).ConfigureAwait(false);
            foreach (var subject in stream.Info.State.Subjects?.Keys ?? [])
            {
                if (long.TryParse(subject.AsSpan(Prefix.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var minute)
                    && minute <= MinuteOf(time.GetUtcNow()))
                {
                    minutes.Add(minute);
                }
            }
        }
        catch (NatsJSApiException missing) when (missing.Error.Code == 404)
        {
            // Nothing was ever set aside.
        }

        foreach (var over in _due.Keys.Except(minutes).ToList())
            _due.Remove(over);
        foreach (var minute in minutes.Except(_due.Keys).ToList())
        {
            // The server removes it when its minute is empty and nobody asks any longer.
            _due[minute] = await topology.Context.CreateOrUpdateConsumerAsync(
                Stream,
                new ConsumerConfig(string.Create(CultureInfo.InvariantCulture, $"{options.Stream}-{name}-{minute}"))
                {
                    AckPolicy = ConsumerConfigAckPolicy.Explicit,
                    AckWait = options.AckWait,
                    MaxDeliver = -1,
                    MaxAckPending = options.MaxAckPending,
                    FilterSubject = string.Create(CultureInfo.InvariantCulture, $"{Prefix}.{minute}"),
                    InactiveThreshold = TimeSpan.FromHours(1),
                },
                cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>A copy, shown as its original. Never a first delivery: it was set aside after a failed try.</summary>
    private sealed class Copy(INatsJSMsg<byte[]> message) : IWorkDelivery
    {
        public string? LetterId { get; } = LetterCodec.Find(message.Headers, Letter) ?? "";

        public string Subject { get; } = LetterCodec.Find(message.Headers, DelayedWork.Subject) ?? message.Subject;

        public ReadOnlyMemory<byte> Body => message.Data;

        public NatsHeaders? Headers { get; } = Restored(message.Headers);

        public ulong Sequence { get; } =
            ulong.TryParse(LetterCodec.Find(message.Headers, DelayedWork.Sequence), NumberStyles.None, CultureInfo.InvariantCulture, out var sequence) ? sequence : 0;

        public DateTimeOffset StoredAt { get; } =
            DateTimeOffset.TryParse(LetterCodec.Find(message.Headers, DelayedWork.StoredAt), CultureInfo.InvariantCulture, out var at) ? at : default;

        public ulong Deliveries => 1 + (message.Metadata?.NumDelivered ?? 1);

        public ValueTask AckAsync(CancellationToken cancellationToken) => message.AckAsync(cancellationToken: cancellationToken);

        public ValueTask NakAsync(TimeSpan delay, CancellationToken cancellationToken) => message.NakAsync(new AckOpts { NakDelay = delay }, cancellationToken);

        public ValueTask RenewAsync(CancellationToken cancellationToken) => message.AckProgressAsync(cancellationToken: cancellationToken);

        private static NatsHeaders Restored(NatsHeaders? headers)
        {
            var restored = new NatsHeaders();
            foreach (var (header, values) in headers ?? [])
            {
                if (header == MessageId)
                    restored["Nats-Msg-Id"] = values;
                else if (!header.StartsWith("Nats-", StringComparison.OrdinalIgnoreCase))
                    restored[header] = values;
            }

            return restored;
        }
    }
}
