using System.Globalization;
using System.Text;
using NATS.Client.Core;

namespace Topology.Dlq.Internal;

/// <summary>A message as the server delivered it. What it says of the delivery stands in the subject it is answered at.</summary>
/// <remarks>The client's own type for this takes that subject apart into texts for each message, which costs as much as the message itself.</remarks>
internal sealed class JetStreamWorkDelivery : IWorkDelivery
{
    private static readonly byte[] s_ack = [.. "+ACK"u8];
    private static readonly byte[] s_nak = [.. "-NAK"u8];
    private static readonly byte[] s_progress = [.. "+WPI"u8];

    private readonly NatsMsg<byte[]> _message;
    private readonly WorkAcks _acks;

    private JetStreamWorkDelivery(NatsMsg<byte[]> message, WorkAcks acks) => (_message, _acks) = (message, acks);

    public string Subject => _message.Subject;

    public ReadOnlyMemory<byte> Body => _message.Data;

    public NatsHeaders? Headers => _message.Headers;

    public ulong Sequence { get; private init; }

    public DateTimeOffset StoredAt { get; private init; }

    public ulong Deliveries { get; private init; }

    /// <summary>Gets how many deliveries the consumer had made with this one, of whatever to whomever.</summary>
    public ulong Ordinal { get; private init; }

    public bool IsDoubtful { get; set; }

    /// <returns>The delivery; null when the message is none of a consumer.</returns>
    public static JetStreamWorkDelivery? Read(NatsMsg<byte[]> message, WorkAcks acks)
    {
        // $JS.ACK.stream.consumer.deliveries.sequence.ordinal.nanoseconds.pending, with domain and account before the stream in a later form.
        var subject = message.ReplyTo.AsSpan();
        Span<Range> tokens = stackalloc Range[13];
        var count = subject.Split(tokens, '.');
        var at = count >= 11 ? 6 : 4;
        return count >= 9 && subject.StartsWith("$JS.ACK.", StringComparison.Ordinal)
            && ulong.TryParse(subject[tokens[at]], NumberStyles.None, CultureInfo.InvariantCulture, out var deliveries)
            && ulong.TryParse(subject[tokens[at + 1]], NumberStyles.None, CultureInfo.InvariantCulture, out var sequence)
            && ulong.TryParse(subject[tokens[at + 2]], NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal)
            && long.TryParse(subject[tokens[at + 3]], NumberStyles.None, CultureInfo.InvariantCulture, out var nanoseconds)
                ? new(message, acks) { Deliveries = deliveries, Sequence = sequence, Ordinal = ordinal, StoredAt = DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / 100) }
                : null;
    }

    public static ValueTask GiveBackAsync(NatsMsg<byte[]> message) => AnswerAsync(message, s_nak, CancellationToken.None);

    public ValueTask AckAsync(CancellationToken cancellationToken) => _acks.SendAsync(this);

    public ValueTask SendAckAsync() => AnswerAsync(_message, s_ack, CancellationToken.None);

    public ValueTask NakAsync(TimeSpan delay, CancellationToken cancellationToken) => AnswerAsync(
        _message,
        delay <= TimeSpan.Zero ? s_nak : Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $$"""-NAK {"delay":{{delay.Ticks * 100}}}""")),
        cancellationToken);

    public ValueTask RenewAsync(CancellationToken cancellationToken) => AnswerAsync(_message, s_progress, cancellationToken);

    private static ValueTask AnswerAsync(NatsMsg<byte[]> message, byte[] answer, CancellationToken cancellationToken) => message.Connection!.PublishAsync(
        message.ReplyTo!, answer, serializer: NatsRawSerializer<byte[]>.Default, cancellationToken: cancellationToken);
}
