using System.Collections.Concurrent;
using System.Text;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Topology.Dlq.Internal;

/// <summary>Puts a letter's original back into the stream it came from, for the consumer that failed it.</summary>
internal sealed class SourceRedriveTarget(JetStreamTopology topology, DeadLetterQueues queues, TimeProvider time) : IRedriveTarget
{
    private const int NoMessage = 10037;

    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, (ulong Last, long At)> _positions = new(StringComparer.Ordinal);

    public async ValueTask<ulong> GetPositionAsync(DeadLetter letter, CancellationToken cancellationToken)
    {
        // One that is a moment old will do: a search that begins there finds all that came after.
        var stream = Source(letter).Stream;
        if (_positions.TryGetValue(stream, out var known) && time.GetElapsedTime(known.At) < AskAgain)
            return known.Last;
        var at = time.GetTimestamp();
        var last = await JetStreamErrors.WrapAsync(
            letter.Queue,
            async () => (await topology.Context.GetStreamAsync(stream, cancellationToken: cancellationToken).ConfigureAwait(false)).Info.State.LastSeq)
            .ConfigureAwait(false);
        _positions[stream] = (last, at);
        return last;
    }

    public ValueTask<bool> IsPresentAsync(DeadLetter letter, string redriveId, ulong position, CancellationToken cancellationToken) => JetStreamErrors.WrapAsync(
        letter.Queue,
        async () =>
        {
            var stream = await topology.Context.GetStreamAsync(Source(letter).Stream, cancellationToken: cancellationToken).ConfigureAwait(false);
            var wanted = $"Nats-Msg-Id: {redriveId}\r\n";

            // A stream made anew counts from 1 again.
            for (var next = position <= stream.Info.State.LastSeq ? position + 1 : 1; next <= stream.Info.State.LastSeq;)
            {
                StoredMessage message;
                try
                {
                    var request = new StreamMsgGetRequest { Seq = next, NextBySubj = letter.Subject };
                    message = (await stream.GetAsync(request, cancellationToken).ConfigureAwait(false)).Message;
                }
                catch (NatsJSApiException end) when (end.Error.ErrCode == NoMessage)
                {
                    return false;
                }

                if (message.Hdrs is { } headers && Encoding.UTF8.GetString(Convert.FromBase64String(headers)).Contains(wanted, StringComparison.Ordinal))
                    return true;
                next = message.Seq + 1;
            }

            return false;
        });

    public async ValueTask RedriveAsync(DeadLetter letter, string redriveId, CancellationToken cancellationToken)
    {
        var source = Source(letter);
        if (queues[letter.Queue].Subjects.Any(own => $"{letter.Subject}.".StartsWith($"{own}.", StringComparison.Ordinal)))
            throw new DeadLetterException($"Letter '{letter.Id}' would be redriven to '{letter.Subject}', a subject of its own queue.") { Queue = letter.Queue };

        var headers = new NatsHeaders();
        foreach (var (name, value) in DeadLetterTracing.Stamp(letter.Headers))
            headers[name] = headers.TryGetValue(name, out var values) ? Microsoft.Extensions.Primitives.StringValues.Concat(values, value) : value;
        headers[RedriveHeaders.Id] = redriveId;
        headers[RedriveHeaders.Count] = letter.RedriveCount.ToString(System.Globalization.CultureInfo.InvariantCulture);
        headers[RedriveHeaders.Consumer] = source.Consumer;
        if (letter.FindHeader(DeadLetterTracing.TraceParent) is { } origin)
            headers[DeadLetterTracing.Origin] = origin;
        var ack = await JetStreamErrors.WrapAsync(
            letter.Queue,
            () => topology.Context.PublishAsync(
                letter.Subject,
                letter.Body,
                NatsRawSerializer<ReadOnlyMemory<byte>>.Default,
                new NatsJSPubOpts { MsgId = redriveId, ExpectedStream = source.Stream, RetryAttempts = 3 },
                headers,
                cancellationToken)).ConfigureAwait(false);

        // A duplicate is the same redrive, taken before.
        if (ack.Error is { } refused)
            throw new DeadLetterException($"Stream '{source.Stream}' refused a redrive with {refused.ErrCode}, {refused.Description}.") { Queue = letter.Queue };
    }

    private static DeadLetterSource Source(DeadLetter letter) => letter.Source
        ?? throw new DeadLetterException($"Letter '{letter.Id}' did not come from a stream.") { Queue = letter.Queue };
}
