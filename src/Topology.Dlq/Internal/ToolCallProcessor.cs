using Topology.Retry;

namespace Topology.Dlq.Internal;

/// <summary>Makes a failed tool call again, call n after the wait n of <c>tool_calls</c>; the worker parks it after its last.</summary>
internal sealed class ToolCallProcessor(IToolCallHandler handler, RetryPolicy policy) : IDeadLetterProcessor
{
    public async ValueTask<DeadLetterVerdict> ProcessAsync(DeadLetterContext context, CancellationToken cancellationToken)
    {
        try
        {
            await handler.CallAsync(context.Letter, context.Attempt, cancellationToken).ConfigureAwait(false);
            return DeadLetterVerdict.Done;
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            var judged = policy.Classify(error);
            if (judged.Kind == RetryVerdictKind.Stop)
                return DeadLetterVerdict.Park($"{DeadLetterReasons.Rejected}: {error.GetType().FullName}");
            var wait = policy.NextDelay(context.Attempt + 1, TimeSpan.Zero);
            return DeadLetterVerdict.RetryAfter(judged.NotBefore is { } asked && asked > wait ? asked : wait);
        }
    }
}
