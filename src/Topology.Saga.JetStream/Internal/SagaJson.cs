using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Topology.Saga.JetStream.Internal;

/// <summary>How JSON is written and read, whatever it says. Each thread writes with one writer of its own.</summary>
internal static class SagaJson
{
    private const int LargestKept = 64 << 10;

    [ThreadStatic]
    private static (ArrayBufferWriter<byte> Buffer, Utf8JsonWriter Json)? t_writer;

    /// <summary>Returns an object as it is written by <paramref name="write"/>.</summary>
    public static ReadOnlyMemory<byte> Write<T>(T value, Action<Utf8JsonWriter, T> write)
    {
        var (buffer, json) = t_writer ??= NewWriter();
        try
        {
            json.WriteStartObject();
            write(json, value);
            json.WriteEndObject();
            json.Flush();
            return buffer.WrittenSpan.ToArray();
        }
        finally
        {
            // What failed in the midst, or was very large, is not used again.
            if (json.CurrentDepth > 0 || buffer.Capacity > LargestKept)
            {
                t_writer = null;
            }

            buffer.ResetWrittenCount();
            json.Reset();
        }
    }

    public static void WriteValue(this Utf8JsonWriter json, string name, SagaValue value)
    {
        json.WritePropertyName(name);
        json.WriteRawValue(value.ToJson().Span, skipInputValidation: true);
    }

    public static void WriteIfAny(this Utf8JsonWriter json, string name, string? text)
    {
        if (text is not null)
        {
            json.WriteString(name, text);
        }
    }

    public static string Text(this JsonElement json, string name) => json.GetProperty(name).GetString()!;

    public static string? TextOrNull(this JsonElement json, string name) => json.TryGetProperty(name, out var text) ? text.GetString() : null;

    public static SagaValue? Value(this JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) ? SagaValue.FromJson(JsonMarshal.GetRawUtf8Value(value).ToArray()) : null;

    private static (ArrayBufferWriter<byte> Buffer, Utf8JsonWriter Json) NewWriter()
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        return (buffer, new Utf8JsonWriter(buffer));
    }
}
