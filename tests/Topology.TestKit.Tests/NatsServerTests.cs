using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Topology.TestKit.Tests;

public sealed class NatsServerTests(NatsFixture nats)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_message_published_to_a_stream_is_acknowledged_and_consumed()
    {
        var name = NatsFixture.Unique();
        var jetStream = new NatsJSContext(nats.Connection);
        await jetStream.CreateStreamAsync(new StreamConfig(name, [$"{name}.>"]), Token);

        var stored = await jetStream.PublishAsync($"{name}.a", "hello", cancellationToken: Token);
        stored.EnsureSuccess();
        Assert.Equal(name, stored.Stream);
        Assert.Equal(1UL, stored.Seq);

        var consumer = await jetStream.CreateOrUpdateConsumerAsync(name, new ConsumerConfig("c"), Token);
        var message = await consumer.NextAsync<string>(cancellationToken: Token);
        Assert.Equal("hello", message?.Data);
        await message!.AckAsync(cancellationToken: Token);
        await Until.Value(
            async () => (await jetStream.GetConsumerAsync(name, "c", Token)).Info, info => info.NumAckPending == 0 && info.NumPending == 0, cancellationToken: Token);
    }

    [Fact]
    public async Task The_server_that_answers_has_the_name_it_was_started_with()
    {
        await using var other = await NatsServer.StartAsync(cancellationToken: Token);
        Assert.NotEqual(nats.Server.Name, other.Name);
        Assert.NotEqual(nats.Server.Port, other.Port);
        Assert.Equal(nats.Server.Name, nats.Connection.ServerInfo?.Name);
        await using var connection = await other.ConnectAsync();
        Assert.Equal(other.Name, connection.ServerInfo?.Name);
    }

    [Fact]
    public async Task What_was_acknowledged_is_there_after_a_kill_and_a_start_on_the_same_port()
    {
        await using var server = await NatsServer.StartAsync(cancellationToken: Token);
        var (port, processId) = (server.Port, server.ProcessId);
        await using (var before = await server.ConnectAsync())
        {
            var jetStream = new NatsJSContext(before);
            await jetStream.CreateStreamAsync(new StreamConfig("s", ["s.>"]), Token);
            (await jetStream.PublishAsync("s.a", "kept", cancellationToken: Token)).EnsureSuccess();
        }

        await server.KillAsync(Token);
        Assert.False(server.IsRunning);
        await server.StartAgainAsync(Token);
        Assert.Equal(port, server.Port);
        Assert.NotEqual(processId, server.ProcessId);
        await using var after = await server.ConnectAsync();
        Assert.Equal(1, (await new NatsJSContext(after).GetStreamAsync("s", cancellationToken: Token)).Info.State.Messages);
    }

    [Fact]
    public async Task A_paused_server_answers_nothing_until_it_goes_on()
    {
        await using var server = await NatsServer.StartAsync(cancellationToken: Token);
        await using var connection = await server.ConnectAsync();
        server.Pause();
        var ping = connection.PingAsync(Token).AsTask();
        Assert.NotSame(ping, await Task.WhenAny(ping, Task.Delay(200, Token)));
        server.Continue();
        Assert.True(await ping > TimeSpan.Zero);
    }

    [Fact]
    public async Task A_server_that_refuses_its_configuration_fails_the_start_with_what_it_printed()
    {
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => NatsServer.StartAsync("no_such_setting: 1", Token));
        Assert.Contains("ended at its start with exit code", failure.Message, StringComparison.Ordinal);
        Assert.Contains("no_such_setting", failure.Message, StringComparison.Ordinal);
    }
}
