using System.Globalization;
using System.Text;
using System.Text.Json;
using NATS.Client.Core;

namespace Topology.Saga.JetStream.Internal;

/// <summary>A message as a stream holds it.</summary>
internal readonly record struct StoredMessage(string Subject, ulong Sequence, DateTimeOffset At, NatsHeaders? Headers, ReadOnlyMemory<byte> Body)
{
    public string? Header(string name) => Find(Headers, name);

    public static string? Find(NatsHeaders? headers, string name) =>
        headers is not null && headers.TryGetValue(name, out var values) ? values.ToString() : null;

    /// <summary>Reads what a stream told of a message itself; <see langword="null"/> when there is none.</summary>
    public static StoredMessage? FromDirect(SagaAnswer answer) => answer.Status switch
    {
        404 => null,
        0 when Find(answer.Headers, "Nats-Sequence") is { } sequence => new(
            Find(answer.Headers, "Nats-Subject") ?? "",
            ulong.Parse(sequence, CultureInfo.InvariantCulture),
            Time(Find(answer.Headers, "Nats-Time-Stamp")),
            answer.Headers,
            answer.Body),
        _ => throw new NatsException($"a read was answered with {answer.Status} {answer.Text}"),
    };

    /// <summary>Reads what the leader of several servers told of a message; <see langword="null"/> when there is none.</summary>
    public static StoredMessage? FromLeader(SagaAnswer answer)
    {
        using var document = JsonDocument.Parse(answer.Body);
        if (document.RootElement.TryGetProperty("error", out var error))
        {
            return error.GetProperty("code").GetInt32() == 404 ? null : throw new NatsException($"a read was answered with {error.GetRawText()}");
        }

        var message = document.RootElement.GetProperty("message");
        return new(
            message.GetProperty("subject").GetString()!,
            message.GetProperty("seq").GetUInt64(),
            Time(message.GetProperty("time").GetString()),
            message.TryGetProperty("hdrs", out var headers) ? Parse(Encoding.UTF8.GetString(headers.GetBytesFromBase64())) : null,
            message.TryGetProperty("data", out var data) ? data.GetBytesFromBase64() : default);
    }

    private static NatsHeaders Parse(string lines)
    {
        var headers = new NatsHeaders();
        foreach (var line in lines.Split("\r\n").Skip(1).Where(line => line.Contains(':', StringComparison.Ordinal)))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            headers[line[..colon]] = line[(colon + 1)..].Trim();
        }

        return headers;
    }

    private static DateTimeOffset Time(string? text) =>
        DateTimeOffset.Parse(text ?? "", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
}
