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

    [Theory]
    [InlineData("""{"message":"pause","until":"noon"}""", "pause")]
    [InlineData("""{"message":"decision","verb":"Pause"}""", "decision")]
    public void A_message_that_this_version_does_not_know_is_read_as_unknown_and_never_written(string json, string kind)
    {
        var message = SagaCodec.ReadMessage(Encoding.UTF8.GetBytes(json));

        Assert.Equal(new SagaMessage.Unknown(kind), message);
        Assert.Throws<SagaException>(() => SagaCodec.Write(message));
    }
}
