using Topology.Saga.JetStream.Internal;

namespace Topology.Saga.JetStream.Tests;

public sealed class SagaDeliveryTests
{
    [Theory]
    [InlineData("$JS.ACK.ITEMS.d.3.77.91.1764064800123456789.5")]
    [InlineData("$JS.ACK.hub.account.ITEMS.d.3.77.91.1764064800123456789.5")]
    [InlineData("$JS.ACK._.account.ITEMS.d.3.77.91.1764064800123456789.5.token")]
    public void A_delivery_is_read_from_every_form_of_its_subject(string replyTo) => Assert.Equal(
        new SagaDelivery(77, 3, new DateTimeOffset(2025, 11, 25, 10, 0, 0, 123, 456, TimeSpan.Zero).AddTicks(7)), SagaDelivery.Parse(replyTo));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("_INBOX.a.1")]
    [InlineData("$JS.ACK.ITEMS.d.3.77.91.1764064800123456789")]
    [InlineData("$JS.ACK.ITEMS.d.x.77.91.1764064800123456789.5")]
    public void What_is_no_delivery_is_none(string? replyTo) => Assert.Null(SagaDelivery.Parse(replyTo));
}
