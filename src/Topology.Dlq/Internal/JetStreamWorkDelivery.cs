using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Topology.Dlq.Internal;

internal sealed class JetStreamWorkDelivery(NatsJSMsg<byte[]> message, NatsJSMsgMetadata metadata, bool doubtful, WorkAcks acks) : IWorkDelivery
{
    public string Subject => message.Subject;

    public ReadOnlyMemory<byte> Body => message.Data;

    public NatsHeaders? Headers => message.Headers;

    public ulong Sequence => metadata.Sequence.Stream;

    public DateTimeOffset StoredAt => metadata.Timestamp;

    public ulong Deliveries => metadata.NumDelivered;

    public bool IsDoubtful => doubtful;

    public ValueTask AckAsync(CancellationToken cancellationToken) => acks.SendAsync(this);

    public ValueTask SendAckAsync() => message.AckAsync();

    public ValueTask NakAsync(TimeSpan delay, CancellationToken cancellationToken) =>
        message.NakAsync(new AckOpts { NakDelay = delay }, cancellationToken);

    public ValueTask RenewAsync(CancellationToken cancellationToken) => message.AckProgressAsync(cancellationToken: cancellationToken);
}
