using NATS.Client.JetStream.Models;
using Topology.Dlq.Internal;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

public sealed class JetStreamErrorsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>The stream's limit, the server's, the storage's, the account's, the memory's.</summary>
    [Theory]
    [InlineData(10077)]
    [InlineData(10023)]
    [InlineData(10047)]
    [InlineData(10002)]
    [InlineData(10028)]
    public void A_refusal_for_want_of_room_is_told_from_all_others(int code) =>
        Assert.IsType<DeadLetterQueueFullException>(JetStreamErrors.Refused("q", new ApiError { ErrCode = code }));

    [Fact]
    public void Another_refusal_is_not_a_full_queue() =>
        Assert.IsNotType<DeadLetterQueueFullException>(JetStreamErrors.Refused("q", new ApiError { ErrCode = 10054 }));

    [Fact]
    public async Task An_account_without_room_is_a_full_queue()
    {
        await using var server = await NatsServer.StartAsync(
            """
            accounts { A { jetstream { max_file: 3MB, max_memory: 0 }, users: [ { user: "u", password: "p" } ] } }
            no_auth_user: "u"
            """,
            Token);
        await using var connection = await server.ConnectAsync();
        await using var queue = new JetStreamQueueUnderTest(connection);
        await queue.Provider.SampleAsync(queue.Queue, Token);
        var context = new NATS.Client.JetStream.NatsJSContext(connection);
        await context.CreateStreamAsync(new StreamConfig("FILLER", ["filler"]), Token);
        PubAckResponse filled;
        do
            filled = await context.PublishAsync("filler", new byte[100_000], cancellationToken: Token);
        while (filled.Error is null);
        Assert.Equal(10002, filled.Error.ErrCode);

        await Assert.ThrowsAsync<DeadLetterQueueFullException>(
            async () => await queue.Provider.AppendAsync(queue.Letter("a") with { Body = new byte[100_000] }, Token));
    }
}
