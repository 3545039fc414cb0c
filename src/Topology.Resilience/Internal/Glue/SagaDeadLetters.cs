using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Topology.Dlq;
using Topology.Saga;

namespace Topology.Resilience.Internal;

/// <summary>A failed compensation, or a stuck saga, becomes a letter on <c>workflow.compensation.dlq</c>.</summary>
internal sealed class SagaDeadLetters(
    IDeadLetterPublisher publisher, IEnumerable<IDeadLetterAlertSink> sinks, TimeProvider time, ILogger<SagaDeadLetters> logger) : ISagaLetterSink
{
    public const string StepHeader = "Saga-Step";
    private const string Subject = "workflow.compensation.failed";

    private static readonly TimeSpan s_tellAgain = TimeSpan.FromMinutes(1);

    private long _told;

    public async ValueTask PublishAsync(SagaLetter letter, CancellationToken cancellationToken)
    {
        var dead = Letter(letter);
        try
        {
            await publisher.PublishAsync(dead, cancellationToken).ConfigureAwait(false);
        }
        catch (DeadLetterQueueFullException full)
        {
            // The saga does not rest without its letter: it comes back with it until there is room.
            await TellFullAsync(dead, cancellationToken).ConfigureAwait(false);
            throw new SagaStoreException($"{dead.Queue} is full.", full);
        }
        catch (DeadLetterException away)
        {
            throw new SagaStoreException($"{dead.Queue} cannot be reached.", away);
        }
    }

    public async ValueTask CloseAsync(string letterId, CancellationToken cancellationToken) =>
        await publisher.CloseAsync(DeadLetterQueueNames.WorkflowCompensation, letterId, "settled in the saga", cancellationToken).ConfigureAwait(false);

    /// <summary>Tells people, at most once a minute, that sagas wait for room.</summary>
    private async ValueTask TellFullAsync(DeadLetter letter, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow().UtcTicks;
        var told = Volatile.Read(ref _told);
        if (now - told < s_tellAgain.Ticks || Interlocked.CompareExchange(ref _told, now, told) != told)
        {
            return;
        }

        Log.CompensationQueueFull(logger, letter.Queue, letter.WorkflowId!);
        var alert = new DeadLetterAlert(
            letter.Queue, letter.Id, DeadLetterReasons.QueueFull, letter.Subject, letter.Tenant, letter.WorkflowId, letter.ErrorType, letter.ErrorMessage, letter.LastFailedAt);
        foreach (var sink in sinks)
        {
            try
            {
                await sink.SendAsync(alert, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
            {
                Log.AlertFailed(logger, failure, sink.Name);
            }
        }
    }

    private DeadLetter Letter(SagaLetter letter) => new()
    {
        Queue = DeadLetterQueueNames.WorkflowCompensation,
        Id = letter.Id,
        Subject = Subject,
        Tenant = letter.Tenant,
        Reason = letter.Stuck ? "saga-stuck" : "compensation-exhausted",
        ErrorType = letter.Failure.ErrorType,
        ErrorMessage = letter.Failure.Message,
        Attempts = letter.Failure.Attempts,
        WorkflowId = letter.SagaId.ToString(),
        Headers =
        [
            new(StepHeader, letter.Failure.StepId),
            new("Saga-Action", letter.Action ?? "-"),
            new("Saga-Episode", letter.Episode.ToString(CultureInfo.InvariantCulture)),
        ],
        Body = Body(letter),
        ContentType = "application/json",
        FirstFailedAt = time.GetUtcNow(),
        LastFailedAt = time.GetUtcNow(),
    };

    private static byte[] Body(SagaLetter letter)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("saga", letter.SagaId.Definition);
            json.WriteString("id", letter.SagaId.Value);
            json.WriteString("step", letter.Failure.StepId);
            json.WriteString("action", letter.Action);
            json.WriteNumber("episode", letter.Episode);
            json.WriteNumber("attempts", letter.Failure.Attempts);
            json.WriteEndObject();
        }

        return stream.ToArray();
    }
}
