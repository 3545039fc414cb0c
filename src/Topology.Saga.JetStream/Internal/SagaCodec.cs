using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Topology.Saga.JetStream.Internal;

/// <summary>Entries, messages, starts and timers as JSON. Written by hand: the hierarchies are closed, and values are JSON already.</summary>
internal static class SagaCodec
{
    private const int LargestKept = 64 << 10;

    [ThreadStatic]
    private static (ArrayBufferWriter<byte> Buffer, Utf8JsonWriter Json)? t_writer;

    public static ReadOnlyMemory<byte> Write(SagaEntry entry) => Write(entry, static (json, entry) =>
    {
        json.WriteString("writer", entry.Writer);
        json.WriteStartArray("events");
        foreach (var @event in entry.Events)
        {
            json.WriteStartObject();
            Write(json, @event);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    public static ReadOnlyMemory<byte> Write(SagaMessage message) => Write(message, static (json, message) => Write(json, message));

    public static ReadOnlyMemory<byte> Write(SagaStart start) => Write(start, static (json, start) =>
    {
        json.WriteString("hash", start.DefinitionHash);
        json.WriteString("tenant", start.Tenant);
        Write(json, "input", start.Input);
        WriteIfAny(json, "trace", start.TraceParent);
    });

    public static ReadOnlyMemory<byte> Write(SagaTimer timer) => Write(timer, static (json, timer) =>
    {
        json.WriteString("definition", timer.Id.Definition);
        json.WriteString("id", timer.Id.Value);
        json.WriteString("step", timer.StepId);
        json.WriteNumber("delay_ms", timer.Delay.TotalMilliseconds);
    });

    public static SagaEntry ReadEntry(ReadOnlyMemory<byte> body)
    {
        using var document = JsonDocument.Parse(body);
        var root = document.RootElement;
        return new(root.GetProperty("writer").GetGuid(), [.. root.GetProperty("events").EnumerateArray().Select(ReadEvent)]);
    }

    public static SagaMessage ReadMessage(ReadOnlyMemory<byte> body)
    {
        using var document = JsonDocument.Parse(body);
        return FindMessage(document.RootElement) ?? new SagaMessage.Unknown(Text(document.RootElement, "message"));
    }

    public static SagaStart ReadStart(SagaId id, ReadOnlyMemory<byte> body)
    {
        using var document = JsonDocument.Parse(body);
        var root = document.RootElement;
        return new(id, Text(root, "hash"), Text(root, "tenant"), Value(root, "input")!, TextOrNull(root, "trace"));
    }

    public static SagaTimer ReadTimer(ReadOnlyMemory<byte> body)
    {
        using var document = JsonDocument.Parse(body);
        var root = document.RootElement;
        return new(new(Text(root, "definition"), Text(root, "id")), Text(root, "step"), TimeSpan.FromMilliseconds(root.GetProperty("delay_ms").GetDouble()));
    }

    private static ReadOnlyMemory<byte> Write<T>(T value, Action<Utf8JsonWriter, T> write)
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

    private static (ArrayBufferWriter<byte> Buffer, Utf8JsonWriter Json) NewWriter()
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        return (buffer, new Utf8JsonWriter(buffer));
    }

    private static void Write(Utf8JsonWriter json, SagaEvent @event)
    {
        switch (@event)
        {
            case SagaEvent.Started started:
                json.WriteString("event", "started");
                json.WriteString("hash", started.DefinitionHash);
                json.WriteString("tenant", started.Tenant);
                Write(json, "input", started.Input);
                WriteIfAny(json, "trace", started.TraceParent);
                break;
            case SagaEvent.Claimed claimed:
                json.WriteString("event", "claimed");
                json.WriteString("item", claimed.ItemId);
                json.WriteBoolean("redelivered", claimed.Redelivered);
                break;
            case SagaEvent.StepCompleted completed:
                json.WriteString("event", "step_completed");
                json.WriteString("step", completed.StepId);
                Write(json, "result", completed.Result);
                break;
            case SagaEvent.CompensationStarted started:
                json.WriteString("event", "compensation_started");
                Write(json, started.Failure);
                break;
            case SagaEvent.OutcomeLearned learned:
                json.WriteString("event", "outcome_learned");
                json.WriteString("step", learned.StepId);
                Write(json, "result", learned.Result);
                break;
            case SagaEvent.StepCompensated compensated:
                json.WriteString("event", "step_compensated");
                json.WriteString("step", compensated.StepId);
                break;
            case SagaEvent.CompensationExhausted exhausted:
                json.WriteString("event", "compensation_exhausted");
                json.WriteNumber("episode", exhausted.Episode);
                Write(json, exhausted.Failure);
                break;
            case SagaEvent.StepExhausted exhausted:
                json.WriteString("event", "step_exhausted");
                json.WriteNumber("episode", exhausted.Episode);
                Write(json, exhausted.Failure);
                break;
            case SagaEvent.MessageTaken taken:
                json.WriteString("event", "message_taken");
                json.WriteNumber("sequence", taken.InboxSequence);
                json.WriteStartObject("taken");
                Write(json, taken.Message);
                json.WriteEndObject();
                break;
            case SagaEvent.Waiting waiting:
                json.WriteString("event", "waiting");
                json.WriteString("step", waiting.StepId);
                break;
            case SagaEvent.Settled settled:
                json.WriteString("event", "settled");
                json.WriteString("status", settled.Status.ToString());
                WriteIfAny(json, "reason", settled.Reason);
                break;
            case SagaEvent.Tombstone tombstone:
                json.WriteString("event", "tombstone");
                json.WriteString("status", tombstone.Status.ToString());
                json.WriteString("hash", tombstone.DefinitionHash);
                json.WriteString("tenant", tombstone.Tenant);
                json.WriteString("input_hash", tombstone.InputHash);
                break;
            default:
                throw new SagaException($"This version of the journal cannot write {@event.GetType().Name}. Update Topology.Saga.JetStream.");
        }
    }

    private static SagaEvent ReadEvent(JsonElement json) => Text(json, "event") switch
    {
        "started" => new SagaEvent.Started(Text(json, "hash"), Text(json, "tenant"), Value(json, "input")!, TextOrNull(json, "trace")),
        "claimed" => new SagaEvent.Claimed(Text(json, "item"), json.GetProperty("redelivered").GetBoolean()),
        "step_completed" => new SagaEvent.StepCompleted(Text(json, "step"), Value(json, "result")!),
        "compensation_started" => new SagaEvent.CompensationStarted(Failure(json)),
        "outcome_learned" => new SagaEvent.OutcomeLearned(Text(json, "step"), Value(json, "result")!),
        "step_compensated" => new SagaEvent.StepCompensated(Text(json, "step")),
        "compensation_exhausted" => new SagaEvent.CompensationExhausted(json.GetProperty("episode").GetInt32(), Failure(json)),
        "step_exhausted" => new SagaEvent.StepExhausted(json.GetProperty("episode").GetInt32(), Failure(json)),
        "message_taken" => FindMessage(json.GetProperty("taken")) is { } message
            ? new SagaEvent.MessageTaken(message, json.GetProperty("sequence").GetInt64())
            : new SagaEvent.Unknown("message_taken"),
        "waiting" => new SagaEvent.Waiting(Text(json, "step")),
        "settled" => Enum.TryParse<SagaStatus>(Text(json, "status"), out var status)
            ? new SagaEvent.Settled(status, TextOrNull(json, "reason"))
            : new SagaEvent.Unknown("settled"),
        "tombstone" => new SagaEvent.Tombstone(Status(json), Text(json, "hash"), Text(json, "tenant"), Text(json, "input_hash")),
        var unknown => new SagaEvent.Unknown(unknown),
    };

    private static void Write(Utf8JsonWriter json, SagaMessage message)
    {
        switch (message)
        {
            case SagaMessage.Decision decision:
                json.WriteString("message", "decision");
                json.WriteString("verb", decision.Verb.ToString());
                json.WriteString("step", decision.StepId);
                json.WriteString("actor", decision.Actor);
                json.WriteString("reason", decision.Reason);
                json.WriteNumber("seen", decision.Seen);
                if (decision.NewInput is { } input)
                {
                    Write(json, "input", input);
                }

                break;
            case SagaMessage.Cancellation cancellation:
                json.WriteString("message", "cancellation");
                json.WriteBoolean("compensate", cancellation.Compensate);
                json.WriteString("actor", cancellation.Actor);
                json.WriteString("reason", cancellation.Reason);
                break;
            case SagaMessage.Signal signal:
                json.WriteString("message", "signal");
                json.WriteString("name", signal.Name);
                Write(json, "value", signal.Value);
                break;
            default:
                throw new SagaException($"This version of the inbox cannot write {message.GetType().Name}. Update Topology.Saga.JetStream.");
        }

        WriteIfAny(json, "trace", message.TraceParent);
    }

    /// <summary>Returns null when a newer version said it.</summary>
    private static SagaMessage? FindMessage(JsonElement json) => FindSaid(json) is { } said ? said with { TraceParent = TextOrNull(json, "trace") } : null;

    private static SagaMessage? FindSaid(JsonElement json) => Text(json, "message") switch
    {
        "decision" => !Enum.TryParse<SagaVerb>(Text(json, "verb"), out var verb) ? null : new SagaMessage.Decision(
            verb, Text(json, "step"), Text(json, "actor"), Text(json, "reason"), Value(json, "input"))
        {
            Seen = json.TryGetProperty("seen", out var seen) ? seen.GetInt64() : 0,
        },
        "cancellation" => new SagaMessage.Cancellation(json.GetProperty("compensate").GetBoolean(), Text(json, "actor"), Text(json, "reason")),
        "signal" => new SagaMessage.Signal(Text(json, "name"), Value(json, "value")!),
        _ => null,
    };

    private static void Write(Utf8JsonWriter json, string name, SagaValue value)
    {
        json.WritePropertyName(name);
        json.WriteRawValue(value.ToJson().Span, skipInputValidation: true);
    }

    private static void Write(Utf8JsonWriter json, SagaFailure failure)
    {
        json.WriteString("step", failure.StepId);
        json.WriteString("error", failure.ErrorType);
        json.WriteString("text", failure.Message);
        json.WriteBoolean("rejected", failure.Rejected);
        json.WriteNumber("attempts", failure.Attempts);
    }

    private static void WriteIfAny(Utf8JsonWriter json, string name, string? text)
    {
        if (text is not null)
        {
            json.WriteString(name, text);
        }
    }

    private static SagaFailure Failure(JsonElement json) => new(
        Text(json, "step"), Text(json, "error"), Text(json, "text"), json.GetProperty("rejected").GetBoolean(), json.GetProperty("attempts").GetInt32());

    private static SagaStatus Status(JsonElement json) => Enum.Parse<SagaStatus>(Text(json, "status"));

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString()!;

    private static string? TextOrNull(JsonElement json, string name) => json.TryGetProperty(name, out var text) ? text.GetString() : null;

    private static SagaValue? Value(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) ? SagaValue.FromJson(JsonMarshal.GetRawUtf8Value(value).ToArray()) : null;
}
