using System.Text.Json;
using Platform.ServiceDefaults.Messages;
using Topology.Dlq;
using Topology.Idempotency;

namespace Platform.Ingestion;

/// <summary>Takes a document apart, once for what it says: the same text sent again, under whatever message, is not worked on again.</summary>
internal sealed class DocumentHandler(IIdempotentExecutor executor, ChunkStore chunks) : IWorkHandler
{
    public async ValueTask<WorkVerdict> HandleAsync(WorkMessage message, CancellationToken cancellationToken)
    {
        DocumentRequested document;
        try
        {
            document = JsonSerializer.Deserialize(message.Body.Span, PlatformJson.Default.DocumentRequested)!;
        }
        catch (JsonException error)
        {
            return WorkVerdict.DeadLetter(DeadLetterReasons.Undecodable, error);
        }

        // The document's id is made from its text.
        var outcome = await executor.ExecuteAsync(
            IdempotencyRecordKey.Internal(document.Tenant, "ingestion", "chunk", document.DocumentId),
            RequestFingerprint.Compute(System.Text.Encoding.UTF8.GetBytes(document.Text)),
            async (_, token) =>
            {
                await chunks.SaveAsync(document.DocumentId, document.Tenant, [.. Chunker.Split(document.Text)], token);
                return new StoredResult();
            },
            cancellationToken: cancellationToken);
        return outcome.Status switch
        {
            IdempotentStatus.Executed or IdempotentStatus.Replayed or IdempotentStatus.ResultNotKept => WorkVerdict.Done,
            IdempotentStatus.Mismatch => WorkVerdict.DeadLetter(DeadLetterReasons.Rejected),
            _ => WorkVerdict.RetryAfter(outcome.RetryAfter), // another pod has it, or had it and is gone
        };
    }
}
