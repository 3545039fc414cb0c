using System.Text.Json;

namespace Topology.Saga.JetStream.Internal;

/// <summary>Entries, messages, starts and timers as JSON. Written by hand: the hierarchies are closed, and values are JSON already.</summary>
internal static class SagaCodec
{
    public static ReadOnlyMemory<byte> Write(SagaEntry entry) => SagaJson.Write(entry, static (json, entry) =>
    {
        json.WriteString("writer", entry.Writer);
        json.WriteStartArray("events");
        for (var i = 0; i < entry.Events.Count; i++)
        {
            json.WriteStartObject();
            Write(json, entry.Events[i]);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    public static ReadOnlyMemory<byte> Write(SagaMessage message) => SagaJson.Write(message, static (json, message) => Write(json, message));

    public static ReadOnlyMemory<byte> Write(SagaStart start) => SagaJson.Write(start, static (json, start) =>
    {
        json.WriteString("hash", start.DefinitionHash);
        json.WriteString("tenant", start.Tenant);
        json.WriteValue("input", start.Input);
        json.WriteIfAny("trace", start.TraceParent);
    });

    public static ReadOnlyMemory<byte> Write(SagaTimer timer) => SagaJson.Write(timer, static (json, timer) =>
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
        return FindMessage(document.RootElement) ?? new SagaMessage.Unknown(document.RootElement.Text("message"));
    }

    public static SagaStart ReadStart(SagaId id, ReadOnlyMemory<byte> body)
    {
        using var document = JsonDocument.Parse(body);
        var root = document.RootElement;
        return new(id, root.Text("hash"), root.Text("tenant"), root.Value("input")!, root.TextOrNull("trace"));
    }

    public static SagaTimer ReadTimer(ReadOnlyMemory<byte> body)
    {
        using var document = JsonDocument.Parse(body);
        var root = document.RootElement;
        return new(new(root.Text("definition"), root.Text("id")), root.Text("step"), TimeSpan.FromMilliseconds(root.GetProperty("delay_ms").GetDouble()));
    }

    private static void Write(Utf8JsonWriter json, SagaEvent @event)
    {
        switch (@event)
        {
            case SagaEvent.Started started:
                json.WriteString("event", "started");
                json.WriteString("hash", started.DefinitionHash);
                json.WriteString("tenant", started.Tenant);
                json.WriteValue("input", started.Input);
                json.WriteIfAny("trace", started.TraceParent);
                break;
            case SagaEvent.Claimed claimed:
                json.WriteString("event", "claimed");
                json.WriteString("item", claimed.ItemId);
                json.WriteBoolean("redelivered", claimed.Redelivered);
                break;
            case SagaEvent.StepCompleted completed:
                json.WriteString("event", "step_completed");
                json.WriteString("step", completed.StepId);
                json.WriteValue("result", completed.Result);
                break;
            case SagaEvent.CompensationStarted started:
                json.WriteString("event", "compensation_started");
                Write(json, started.Failure);
                break;
            case SagaEvent.OutcomeLearned learned:
                json.WriteString("event", "outcome_learned");
                json.WriteString("step", learned.StepId);
                json.WriteValue("result", learned.Result);
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
                json.WriteIfAny("reason", settled.Reason);
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

    private static SagaEvent ReadEvent(JsonElement json) => json.Text("event") switch
    {
        "started" => new SagaEvent.Started(json.Text("hash"), json.Text("tenant"), json.Value("input")!, json.TextOrNull("trace")),
        "claimed" => new SagaEvent.Claimed(json.Text("item"), json.GetProperty("redelivered").GetBoolean()),
        "step_completed" => new SagaEvent.StepCompleted(json.Text("step"), json.Value("result")!),
        "compensation_started" => new SagaEvent.CompensationStarted(Failure(json)),
        "outcome_learned" => new SagaEvent.OutcomeLearned(json.Text("step"), json.Value("result")!),
        "step_compensated" => new SagaEvent.StepCompensated(json.Text("step")),
        "compensation_exhausted" => new SagaEvent.CompensationExhausted(json.GetProperty("episode").GetInt32(), Failure(json)),
        "step_exhausted" => new SagaEvent.StepExhausted(json.GetProperty("episode").GetInt32(), Failure(json)),
        "message_taken" => FindMessage(json.GetProperty("taken")) is { } message
            ? new SagaEvent.MessageTaken(message, json.GetProperty("sequence").GetInt64())
            : new SagaEvent.Unknown("message_taken"),
        "waiting" => new SagaEvent.Waiting(json.Text("step")),
        "settled" => Enum.TryParse<SagaStatus>(json.Text("status"), out var status)
            ? new SagaEvent.Settled(status, json.TextOrNull("reason"))
            : new SagaEvent.Unknown("settled"),
        "tombstone" => new SagaEvent.Tombstone(Status(json), json.Text("hash"), json.Text("tenant"), json.Text("input_hash")),
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
                    json.WriteValue("input", input);
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
                json.WriteValue("value", signal.Value);
                break;
            default:
                throw new SagaException($"This version of the inbox cannot write {message.GetType().Name}. Update Topology.Saga.JetStream.");
        }

        json.WriteIfAny("trace", message.TraceParent);
    }

    /// <summary>Returns null when a newer version said it.</summary>
    private static SagaMessage? FindMessage(JsonElement json) => FindSaid(json) is { } said ? said with { TraceParent = json.TextOrNull("trace") } : null;

    private static SagaMessage? FindSaid(JsonElement json) => json.Text("message") switch
    {
        "decision" => !Enum.TryParse<SagaVerb>(json.Text("verb"), out var verb) ? null : new SagaMessage.Decision(
            verb, json.Text("step"), json.Text("actor"), json.Text("reason"), json.Value("input"))
        {
            Seen = json.TryGetProperty("seen", out var seen) ? seen.GetInt64() : 0,
        },
        "cancellation" => new SagaMessage.Cancellation(json.GetProperty("compensate").GetBoolean(), json.Text("actor"), json.Text("reason")),
        "signal" => new SagaMessage.Signal(json.Text("name"), json.Value("value")!),
        _ => null,
    };

    private static void Write(Utf8JsonWriter json, SagaFailure failure)
    {
        json.WriteString("step", failure.StepId);
        json.WriteString("error", failure.ErrorType);
        json.WriteString("text", failure.Message);
        json.WriteBoolean("rejected", failure.Rejected);
        json.WriteNumber("attempts", failure.Attempts);
    }

    private static SagaFailure Failure(JsonElement json) => new(
        json.Text("step"), json.Text("error"), json.Text("text"), json.GetProperty("rejected").GetBoolean(), json.GetProperty("attempts").GetInt32());

    private static SagaStatus Status(JsonElement json) => Enum.Parse<SagaStatus>(json.Text("status"));
}
