using System.Globalization;
using System.Text.Json;
using Topology.Dlq;
using Topology.Saga;

namespace Topology.Resilience.Internal;

/// <summary>A failed compensation, or a stuck saga, becomes a letter on <c>workflow.compensation.dlq</c>.</summary>
internal sealed class SagaDeadLetters(IDeadLetterPublisher publisher, TimeProvider time) : ISagaLetterSink
{
    public const string StepHeader = "Saga-Step";
    private const string Subject = "workflow.compensation.failed";

    public async ValueTask PublishAsync(SagaLetter letter, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await publisher.PublishAsync(
            new DeadLetter
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
                FirstFailedAt = now,
                LastFailedAt = now,
            },
            cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask CloseAsync(string letterId, CancellationToken cancellationToken) =>
        await publisher.CloseAsync(DeadLetterQueueNames.WorkflowCompensation, letterId, "settled in the saga", cancellationToken).ConfigureAwait(false);

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
