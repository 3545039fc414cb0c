using Microsoft.Extensions.Logging.Abstractions;
using NATS.Client.Core;
using NATS.Client.JetStream;
using Topology.Dlq.Internal;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

public sealed class JetStreamWorkDeliveryTests(NatsFixture nats)
{
    private static readonly WorkAcks s_acks = new(_ => default, "worker", NullLogger.Instance);

    [Theory]
    [InlineData("$JS.ACK.WORK.worker.2.7.9.1767323045123456789.3")]
    [InlineData("$JS.ACK.hub.ACC.WORK.worker.2.7.9.1767323045123456789.3")]
    [InlineData("$JS.ACK.hub.ACC.WORK.worker.2.7.9.1767323045123456789.3.rnd")]
    public void What_a_subject_says_of_a_delivery_is_what_the_client_reads_in_it(string subject)
    {
        var message = Message(subject);
        var read = JetStreamWorkDelivery.Read(message, s_acks)!;
        var theirs = new NatsJSMsg<byte[]>(message, new NatsJSContext(nats.Connection)).Metadata!.Value;
        Assert.Equal((2UL, 7UL), (read.Deliveries, read.Sequence));
        Assert.Equal((theirs.NumDelivered, theirs.Sequence.Stream), (read.Deliveries, read.Sequence));
        Assert.InRange(read.StoredAt - theirs.Timestamp, TimeSpan.Zero, TimeSpan.FromMilliseconds(1)); // theirs is cut to milliseconds
    }

    [Theory]
    [InlineData(null)]
    [InlineData("_INBOX.a.b.c.1.2.3.4.5")]
    [InlineData("$JS.ACK.WORK.worker.2.7.9")]
    [InlineData("$JS.ACK.WORK.worker.x.7.9.1767323045123456789.3")]
    public void What_no_consumer_has_sent_is_no_delivery(string? subject) =>
        Assert.Null(JetStreamWorkDelivery.Read(Message(subject), s_acks));

    private NatsMsg<byte[]> Message(string? subject) => new("work.x", subject, 1, null, [1], nats.Connection);
}
