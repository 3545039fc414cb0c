using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using NATS.Client.JetStream;
using Topology.TestKit;

namespace Topology.Samples.Tests.Platform;

/// <summary>Realtime with real sockets; the states are published by the test.</summary>
[Collection(PlatformCollection.Name)]
public sealed class RealtimeTests(PlatformFixture platform)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_pod_holds_a_thousand_sockets_tells_each_of_them_and_refuses_one_more_before_the_upgrade()
    {
        await using var pod = await platform.StartAsync("Realtime", Token);
        await pod.ReadyAsync(Token);
        var run = Guid.NewGuid().ToString("N");
        var sockets = new ConcurrentBag<ClientWebSocket>();
        await Parallel.ForEachAsync(Enumerable.Range(0, 1_000), new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Token }, async (_, token) =>
        {
            var socket = new ClientWebSocket();
            await socket.ConnectAsync(new Uri($"ws://{pod.Address.Authority}/ws?topic=run.{run}"), token);
            sockets.Add(socket);
        });

        using (var refused = await UpgradeAsync(pod))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.Equal(5, refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds);
        }

        var metrics = await pod.Http.GetStringAsync("/metrics", Token);
        Assert.Matches(@"(?m)^active_connections(\{[^}]*\})? 1000$", metrics);
        Assert.Matches(@"(?m)^ws_active_connections(\{[^}]*\})? 1000$", metrics);
        Assert.Equal(200, await pod.ProbeAsync("ready", Token));

        await PublishAsync(run, "Completed", isFinal: true);
        await Task.WhenAll(sockets.Select(socket => ReadUntilAsync(socket, "Completed")));
        foreach (var socket in sockets)
        {
            socket.Abort();
            socket.Dispose();
        }

        await Until.True(async () => (await UpgradeAsync(pod)).StatusCode == HttpStatusCode.SwitchingProtocols, cancellationToken: Token);
    }

    [Fact]
    public async Task A_slow_client_of_a_hundred_topics_with_a_hot_one_gets_every_final_state()
    {
        var runs = Enumerable.Range(0, 100).Select(_ => Guid.NewGuid().ToString("N")).ToArray();
        using var client = await SlowClient.ConnectAsync(platform.Realtime, "/ws", Token);
        await client.Socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(new { subscribe = runs.Select(run => $"run.{run}") }), WebSocketMessageType.Text, true, Token);
        await client.Socket.SendAsync("{\"subscribe\":[\"!\"]}"u8.ToArray(), WebSocketMessageType.Text, true, Token);
        while (Type(await client.ReadAsync(Token)) != "refused") // answered after the topics were taken
        {
        }

        // It reads nothing while the hot one goes through 2000 states and the others end in between.
        const int hot = 2_000;
        for (var i = 0; i < hot; i++)
        {
            await PublishAsync(runs[0], $"Running-{i}", isFinal: false, padding: 8_000);
            if (i % 20 == 10)
                await PublishAsync(runs[1 + i / 20 % 99], "Completed", isFinal: true);
        }

        await PublishAsync(runs[0], "Completed", isFinal: true);
        var (ended, received, skipped) = (new HashSet<string>(), 0, 0);
        while (ended.Count < runs.Length)
        {
            var message = await client.ReadAsync(Token);
            Assert.Equal("state", Type(message));
            received++;
            skipped += message.GetProperty("skipped").GetInt32();
            if (message.GetProperty("state").GetProperty("isFinal").GetBoolean())
                ended.Add(message.GetProperty("topic").GetString()!);
        }

        Assert.True(skipped > 0 && received < hot, $"{received} received, {skipped} skipped: the client was not slow");
    }

    [Fact]
    public async Task A_client_that_takes_nothing_is_closed_with_a_reason()
    {
        await using var pod = await platform.StartAsync("Realtime", Token, ("Realtime__send_timeout", "500ms"));
        await pod.ReadyAsync(Token);
        var run = Guid.NewGuid().ToString("N");
        using var client = await SlowClient.ConnectAsync(pod, $"/ws?topic=run.{run}", Token);
        await Until.True(
            async () =>
            {
                for (var i = 0; i < 20; i++)
                    await PublishAsync(run, "Running", isFinal: false, padding: 200_000);
                return (await pod.Http.GetStringAsync("/metrics", Token)).Contains("ws_slow_clients_closed_total{", StringComparison.Ordinal);
            },
            TimeSpan.FromSeconds(60),
            Token);
        while ((await client.TryReadAsync(Token)).HasValue)
        {
        }

        Assert.Equal(4008, (int)client.Socket.CloseStatus!);
        Assert.Equal("a message did not leave in time", client.Socket.CloseStatusDescription);
    }

    [Fact]
    public async Task A_heartbeat_is_sent_and_a_client_that_does_not_answer_it_is_let_go()
    {
        await using var pod = await platform.StartAsync("Realtime", Token, ("Topology__websocket__heartbeat_interval", "1s"), ("Realtime__heartbeat_timeout", "1s"));
        await pod.ReadyAsync(Token);
        using var client = await SlowClient.ConnectAsync(pod, "/ws", Token);
        var (bytes, read) = (new List<byte>(), 0);
        var buffer = new byte[1024];
        while ((read = await client.ReadRawAsync(buffer, Token)) > 0)
            bytes.AddRange(buffer[..read]);
        Assert.Contains((byte)0x89, bytes); // a ping; then the end, because it was not answered
        Assert.Contains("\"heartbeatMs\":1000", Encoding.UTF8.GetString([.. bytes]), StringComparison.Ordinal);
        Assert.Contains("\"reconnectMs\":5000", Encoding.UTF8.GetString([.. bytes]), StringComparison.Ordinal);
    }

    private static string? Type(JsonElement message) => message.GetProperty("type").GetString();

    private static async Task ReadUntilAsync(ClientWebSocket socket, string text)
    {
        var buffer = new byte[4096];
        string message;
        do
        {
            var read = await socket.ReceiveAsync(buffer.AsMemory(), Token);
            message = Encoding.UTF8.GetString(buffer, 0, read.Count);
        }
        while (!message.Contains(text, StringComparison.Ordinal));
    }

    private static async Task<HttpResponseMessage> UpgradeAsync(ServiceProcess pod)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "/ws")
        {
            Headers = { { "Connection", "Upgrade" }, { "Upgrade", "websocket" }, { "Sec-WebSocket-Version", "13" }, { "Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEA==" } },
        };
        return await pod.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
    }

    private async Task PublishAsync(string run, string status, bool isFinal, int padding = 0)
    {
        var state = new { runId = run, status, isFinal, redrive = 0, version = 1, completed = padding == 0 ? [] : new[] { new string('x', padding) }, compensated = Array.Empty<string>() };
        var ack = await new NatsJSContext(platform.Connection).PublishAsync($"run.{run}.state", JsonSerializer.SerializeToUtf8Bytes(state), cancellationToken: Token);
        ack.EnsureSuccess();
    }

    /// <summary>A client with a small window that reads when the test says so, and answers no ping.</summary>
    private sealed class SlowClient : IDisposable
    {
        private readonly TcpClient _tcp = new() { ReceiveBufferSize = 4096 };

        public WebSocket Socket { get; private set; } = null!;

        public static async Task<SlowClient> ConnectAsync(ServiceProcess pod, string path, CancellationToken cancellationToken)
        {
            var client = new SlowClient();
            await client._tcp.ConnectAsync(IPAddress.Loopback, pod.Address.Port, cancellationToken);
            var stream = client._tcp.GetStream();
            await stream.WriteAsync(
                Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n\r\n"),
                cancellationToken);
            var head = new StringBuilder();
            var one = new byte[1];
            while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(one, cancellationToken) == 1)
                head.Append((char)one[0]);
            Assert.StartsWith("HTTP/1.1 101", head.ToString(), StringComparison.Ordinal);
            client.Socket = WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { KeepAliveInterval = TimeSpan.Zero });
            return client;
        }

        /// <returns>0 at the end, however it came.</returns>
        public async Task<int> ReadRawAsync(byte[] buffer, CancellationToken cancellationToken)
        {
            try
            {
                return await _tcp.GetStream().ReadAsync(buffer, cancellationToken);
            }
            catch (IOException)
            {
                return 0;
            }
        }

        public async Task<JsonElement> ReadAsync(CancellationToken cancellationToken) =>
            await TryReadAsync(cancellationToken) ?? throw new InvalidOperationException($"closed: {Socket.CloseStatus} {Socket.CloseStatusDescription}");

        public async Task<JsonElement?> TryReadAsync(CancellationToken cancellationToken)
        {
            var message = new MemoryStream();
            var buffer = new byte[16 * 1024];
            while (true)
            {
                var read = await Socket.ReceiveAsync(buffer.AsMemory(), cancellationToken);
                if (read.MessageType == WebSocketMessageType.Close)
                    return null;
                message.Write(buffer, 0, read.Count);
                if (read.EndOfMessage)
                    return JsonDocument.Parse(message.ToArray()).RootElement;
            }
        }

        public void Dispose()
        {
            Socket?.Dispose();
            _tcp.Dispose();
        }
    }
}
