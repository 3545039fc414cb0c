using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace Topology.Samples.Tests.Platform;

/// <summary>A client of realtime that keeps all it was told.</summary>
internal sealed class RunSocket : IAsyncDisposable
{
    private readonly ClientWebSocket _socket = new();
    private readonly ConcurrentQueue<JsonElement> _messages = new();
    private readonly CancellationTokenSource _stop = new();
    private Task _reading = Task.CompletedTask;

    public IReadOnlyList<JsonElement> Messages => [.. _messages];

    public IEnumerable<JsonElement> States => Messages.Where(message => message.GetProperty("type").GetString() == "state");

    public IEnumerable<string?> Statuses => States.Select(message => message.GetProperty("state").GetProperty("status").GetString());

    public WebSocketCloseStatus? CloseStatus => _socket.CloseStatus;

    public string? CloseReason => _socket.CloseStatusDescription;

    public bool IsClosed => _reading.IsCompleted;

    public static async Task<RunSocket> ConnectAsync(ServiceProcess realtime, CancellationToken cancellationToken, params string[] topics)
    {
        var client = new RunSocket();
        var query = string.Join('&', topics.Select(topic => $"topic={Uri.EscapeDataString(topic)}"));
        await client._socket.ConnectAsync(new Uri($"ws://{realtime.Address.Authority}/ws?{query}"), cancellationToken);
        client._reading = client.ReadAsync();
        return client;
    }

    public Task SubscribeAsync(IEnumerable<string> topics, CancellationToken cancellationToken) =>
        _socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(new { subscribe = topics }), WebSocketMessageType.Text, true, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _socket.Abort();
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _socket.Dispose();
        _stop.Dispose();
    }

    private async Task ReadAsync()
    {
        var message = new MemoryStream();
        var buffer = new byte[4096];
        while (true)
        {
            var read = await _socket.ReceiveAsync(buffer.AsMemory(), _stop.Token);
            if (read.MessageType == WebSocketMessageType.Close)
            {
                await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, _stop.Token);
                return;
            }

            message.Write(buffer, 0, read.Count);
            if (read.EndOfMessage)
            {
                _messages.Enqueue(JsonDocument.Parse(Encoding.UTF8.GetString(message.ToArray())).RootElement);
                message.SetLength(0);
            }
        }
    }
}
