using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.TestKit;

namespace Topology.Benchmarks.Dlq;

/// <summary>A server of the run's own, and streams on it.</summary>
internal sealed class DlqBenchServer : IAsyncDisposable
{
    private readonly NatsServer _server;
    private readonly NatsConnection _connection;

    private DlqBenchServer(NatsServer server, NatsConnection connection)
    {
        _server = server;
        _connection = connection;
        JetStream = new NatsJSContext(connection);
    }

    /// <summary>Gets the context that publishes work; neither side uses its connection.</summary>
    public NatsJSContext JetStream { get; }

    public static async Task<DlqBenchServer> StartAsync(params string[] streams)
    {
        var process = await NatsServer.StartAsync();
        var server = new DlqBenchServer(process, await process.ConnectAsync());
        foreach (var stream in streams)
            await server.AddStreamAsync(stream);
        return server;
    }

    public Task<NatsConnection> ConnectAsync() => _server.ConnectAsync();

    public async Task AddStreamAsync(string stream) => await JetStream.CreateStreamAsync(
        new StreamConfig(stream, [$"{stream}.>"]) { MaxAge = TimeSpan.FromHours(1), MaxBytes = 512 << 20, DuplicateWindow = TimeSpan.FromMinutes(1) });

    public async Task PublishAsync(string stream, int messages, int bytes)
    {
        var body = new byte[bytes];
        for (var left = messages; left > 0; left -= 256)
        {
            var acks = await Task.WhenAll(Enumerable.Range(0, Math.Min(left, 256)).Select(_ => JetStream.PublishAsync(
                $"{stream}.x", body, NatsRawSerializer<byte[]>.Default, headers: new NatsHeaders { ["tenant"] = "acme", ["workflow-id"] = "run-1" }).AsTask()));
            foreach (var ack in acks)
                ack.EnsureSuccess();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        await _server.DisposeAsync();
    }
}
