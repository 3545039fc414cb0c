using System.Text;
using Topology.Saga.JetStream.Internal;

namespace Topology.Saga.JetStream.Tests;

/// <summary>What a newer version wrote is told apart from what is broken.</summary>
public sealed class NewerVersionTests
{
    [Theory]
    [InlineData("""{"event":"paused","until":"noon"}""", "paused")]
    [InlineData("""{"event":"settled","status":"Paused"}""", "settled")]
    [InlineData("""{"event":"message_taken","sequence":7,"taken":{"message":"pause"}}""", "message_taken")]
    [InlineData("""{"event":"message_taken","sequence":7,"taken":{"message":"decision","verb":"Pause"}}""", "message_taken")]
    public void An_event_that_this_version_does_not_know_is_read_as_unknown_and_never_written(string json, string kind)
    {
        var body = Encoding.UTF8.GetBytes($$"""{"writer":"{{Guid.NewGuid()}}","events":[{{json}}]}""");

        var entry = SagaCodec.ReadEntry(body);

        Assert.Equal(new SagaEvent.Unknown(kind), Assert.Single(entry.Events));
        Assert.Throws<SagaException>(() => SagaCodec.Write(entry));
    }

    [Fact]
    public void A_message_that_this_version_does_not_know_is_left_in_the_inbox() =>
        Assert.Throws<SagaException>(() => SagaCodec.ReadMessage("""{"message":"pause"}"""u8.ToArray()));
}
