using System.Buffers;
using System.Net.WebSockets;
using System.Text.Json;
using Platform.ServiceDefaults;
using Platform.ServiceDefaults.Messages;

namespace Platform.Realtime;

/// <summary>One client: reads what it wants to follow, and sends what is new, as fast as the client takes it.</summary>
internal sealed partial class Connection(
    WebSocket socket, TopicHub hub, RunStateStore states, RealtimeOptions options, RealtimeMetrics metrics, TimeProvider time, ILogger logger) : IDisposable
{
    /// <summary>Closed because the client did not keep up; it may come back and goes on from what it has seen.</summary>
    public const WebSocketCloseStatus Slow = (WebSocketCloseStatus)4008;

    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(5);

    private readonly ConflatingOutbox _outbox = new(options.MaxTerminals);
    private readonly Dictionary<string, OutboxTopic> _topics = new(StringComparer.Ordinal);
    private readonly ArrayBufferWriter<byte> _buffer = new(1024);
    private readonly SemaphoreSlim _sending = new(1, 1);

    public async Task RunAsync(IReadOnlyList<string> topics, CancellationToken draining, CancellationToken aborted)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        var reading = ListenAsync(topics, ended.Token);
        var writing = WriteAsync(draining, ended.Token);
        if (await Task.WhenAny(reading, writing) == writing)
        {
            // Closed from here: the client has a moment to say that it heard.
            await reading.WaitAsync(LastWords, time, aborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await ended.CancelAsync();
        socket.Abort();
        await Task.WhenAll(reading, writing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var topic in _topics.Values)
        {
            hub.Leave(_outbox, topic);
        }
    }

    public void Dispose()
    {
        _outbox.Dispose();
        _sending.Dispose();
    }

    private async Task ListenAsync(IReadOnlyList<string> topics, CancellationToken cancellationToken)
    {
        await FollowAsync(topics, cancellationToken);
        await ReadAsync(cancellationToken);
    }

    private async Task ReadAsync(CancellationToken cancellationToken)
    {
        var message = new ArrayBufferWriter<byte>(256);
        while (socket.State is WebSocketState.Open or WebSocketState.CloseSent)
        {
            var read = await socket.ReceiveAsync(message.GetMemory(256), cancellationToken);
            if (read.MessageType == WebSocketMessageType.Close)
            {
                await CloseAsync(WebSocketCloseStatus.NormalClosure, null);
                return;
            }

            message.Advance(read.Count);
            if (message.WrittenCount > options.MaxInbound)
            {
                await CloseAsync(WebSocketCloseStatus.MessageTooBig, "message too big");
                return;
            }

            if (read.EndOfMessage)
            {
                await UnderstandAsync(message.WrittenMemory, cancellationToken);
                message.ResetWrittenCount();
            }
        }
    }

    private async Task UnderstandAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        try
        {
            var wish = JsonSerializer.Deserialize(message.Span, RealtimeJson.Default.ClientMessage);
            foreach (var name in wish?.Unsubscribe ?? [])
            {
                if (_topics.Remove(name, out var topic))
                {
                    hub.Leave(_outbox, topic);
                }
            }

            await FollowAsync(wish?.Subscribe ?? [], cancellationToken);
        }
        catch (JsonException)
        {
            await CloseAsync(WebSocketCloseStatus.InvalidPayloadData, "not a message of this service");
        }
    }

    private async Task FollowAsync(IReadOnlyList<string> wishes, CancellationToken cancellationToken)
    {
        foreach (var wish in wishes)
        {
            if (!RunTopics.TryParse(wish, out var name, out var runId, out var seen) || (_topics.Count >= options.MaxTopics && !_topics.ContainsKey(name)))
            {
                await SendAsync(buffer => ServerMessages.WriteRefused(buffer, wish), cancellationToken);
                continue;
            }

            if (_topics.TryGetValue(name, out var topic))
            {
                continue;
            }

            // First the news, then what is there: together they leave no gap, and the sequence puts them in order.
            _topics[name] = topic = new OutboxTopic(name);
            hub.Follow(_outbox, topic);
            if (await states.FindAsync(runId, cancellationToken) is { } stored && stored.Sequence != seen)
            {
                _outbox.Offer(topic, new StateFrame(
                    stored.Sequence, stored.State.IsFinal, JsonSerializer.SerializeToUtf8Bytes(stored.State, PlatformJson.Default.RunState)));
            }
        }
    }

    private async Task WriteAsync(CancellationToken draining, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(draining, cancellationToken);
        await SendAsync(buffer => ServerMessages.WriteHello(buffer, options), cancellationToken);
        while (!cancellationToken.IsCancellationRequested && socket.State == WebSocketState.Open)
        {
            if (_outbox.IsOverflown)
            {
                await CloseSlowAsync("too many final states wait for this client");
                return;
            }

            if (_outbox.TryTake(out var item))
            {
                if (!await SendAsync(buffer => ServerMessages.Write(buffer, item), cancellationToken))
                {
                    await CloseSlowAsync("a message did not leave in time");
                    return;
                }

                metrics.Sent(item.Skipped);
                continue;
            }

            await _outbox.WaitAsync(either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (draining.IsCancellationRequested)
            {
                await SendAsync(buffer => ServerMessages.WriteReconnect(buffer, options.ReconnectHint * Random.Shared.NextDouble()), cancellationToken);
                await CloseAsync(WebSocketCloseStatus.EndpointUnavailable, "this pod is going away");
                return;
            }
        }
    }

    /// <returns>Whether it left within the limit. It may still leave later: cancelling it would end the connection without a word.</returns>
    private async Task<bool> SendAsync(Action<IBufferWriter<byte>> write, CancellationToken cancellationToken)
    {
        await _sending.WaitAsync(cancellationToken);
        try
        {
            _buffer.ResetWrittenCount();
            write(_buffer);
            var sent = socket.SendAsync(_buffer.WrittenMemory, WebSocketMessageType.Text, endOfMessage: true, cancellationToken).AsTask();
            try
            {
                await sent.WaitAsync(options.SendTimeout, time, cancellationToken);
                return true;
            }
            catch (TimeoutException)
            {
                await sent.WaitAsync(LastWords, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                return false;
            }
        }
        finally
        {
            _sending.Release();
        }
    }

    private async Task CloseSlowAsync(string reason)
    {
        metrics.ClosedSlow();
        LogSlow(logger, reason, _topics.Count);
        await CloseAsync(Slow, reason);
    }

    private async Task CloseAsync(WebSocketCloseStatus status, string? reason)
    {
        using var limit = new CancellationTokenSource(LastWords, time);
        try
        {
            await socket.CloseOutputAsync(status, reason, limit.Token);
        }
        catch (Exception gone) when (gone is WebSocketException or OperationCanceledException or InvalidOperationException)
        {
            socket.Abort();
        }
    }

    [LoggerMessage(LogLevel.Information, "A slow client with {Topics} topics is closed: {Reason}")]
    private static partial void LogSlow(ILogger logger, string reason, int topics);
}
