using Microsoft.Extensions.Options;
using Topology.Dlq;
using Topology.Idempotency;
using Topology.Retry;

namespace Topology.Resilience.Internal;

/// <summary>Makes a dead tool call again under a record that lives as long as its letter, so that one that succeeded is not made twice.</summary>
internal sealed class ToolCalls<THandler>(THandler handler, IIdempotentExecutor executor, IOptionsMonitor<DeadLetterQueueOptions> queues)
    : IToolCallHandler
    where THandler : class, IToolCallHandler
{
    public async ValueTask CallAsync(DeadLetter letter, int attempt, CancellationToken cancellationToken)
    {
        var policy = new IdempotencyPolicy
        {
            Ttl = queues.Get(letter.Queue).MaxAge + TimeSpan.FromDays(1),
            WaitForResult = TimeSpan.FromMinutes(1),
        };
        IdempotentOutcome<StoredResult> outcome;
        do
        {
            outcome = await executor.ExecuteAsync(
                RecordKeys.Of(letter.Tenant, "tool-call", letter.Queue, letter.Id),
                RequestFingerprint.None,
                async (context, token) =>
                {
                    try
                    {
                        await handler.CallAsync(letter, attempt, token).ConfigureAwait(false);
                        return new StoredResult();
                    }
                    catch
                    {
                        context.Disposition = ResultDisposition.Release;
                        throw;
                    }
                },
                policy,
                cancellationToken).ConfigureAwait(false);
        }
        while (outcome.Status == IdempotentStatus.InProgress);

        // A lost lease is a call that somebody else makes, or has made; its record tells when the letter comes back.
        if (outcome.Status == IdempotentStatus.LeaseLost)
        {
            throw new InvalidOperationException($"The lease of the tool call of letter {letter.Id} was lost while it ran.");
        }

        if (!outcome.HasValue && outcome.Status != IdempotentStatus.ResultNotKept)
        {
            throw new PermanentException($"The record of the tool call of letter {letter.Id} ended as {outcome.Status}: whether it happened is not known.");
        }
    }
}
