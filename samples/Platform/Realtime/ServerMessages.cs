using System.Buffers;
using System.Text.Json;

namespace Platform.Realtime;

/// <summary>What clients are sent, one JSON object a message.</summary>
internal static class ServerMessages
{
    public static void WriteHello(IBufferWriter<byte> to, RealtimeOptions options)
    {
        using var json = new Utf8JsonWriter(to);
        json.WriteStartObject();
        json.WriteString("type", "hello");
        json.WriteNumber("heartbeatMs", (long)options.Heartbeat.TotalMilliseconds);
        json.WriteNumber("reconnectMs", (long)options.ReconnectHint.TotalMilliseconds);
        json.WriteEndObject();
    }

    /// <summary>Asks the client to come back, each after another time, so that a pod's clients do not all come at once.</summary>
    public static void WriteReconnect(IBufferWriter<byte> to, TimeSpan after)
    {
        using var json = new Utf8JsonWriter(to);
        json.WriteStartObject();
        json.WriteString("type", "reconnect");
        json.WriteNumber("afterMs", (long)after.TotalMilliseconds);
        json.WriteEndObject();
    }

    public static void WriteRefused(IBufferWriter<byte> to, string topic)
    {
        using var json = new Utf8JsonWriter(to);
        json.WriteStartObject();
        json.WriteString("type", "refused");
        json.WriteString("topic", topic);
        json.WriteEndObject();
    }

    public static void Write(IBufferWriter<byte> to, in OutboxItem item)
    {
        using var json = new Utf8JsonWriter(to);
        json.WriteStartObject();
        json.WriteString("type", item.State is not null ? "state" : item.Text is not null ? "delta" : "resync");
        json.WriteString("topic", item.Topic);
        if (item.State is { } state)
        {
            json.WriteNumber("seq", state.Sequence);
            json.WriteNumber("skipped", item.Skipped);
            json.WritePropertyName("state");
            json.WriteRawValue(state.Json.Span, skipInputValidation: true);
        }
        else if (item.Text is { } text)
        {
            json.WriteString("text", text);
        }

        json.WriteEndObject();
    }
}
