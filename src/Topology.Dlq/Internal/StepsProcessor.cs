using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Topology.Dlq.Internal;

/// <summary>Record, the application's steps in their order, alert; then the letter waits for a person.</summary>
internal sealed class StepsProcessor(
    string queue, IServiceProvider services, AlertSender alerts, ILogger<StepsProcessor> logger) : IDeadLetterProcessor
{
    public async ValueTask<DeadLetterVerdict> ProcessAsync(DeadLetterContext context, CancellationToken cancellationToken)
    {
        var letter = context.Letter;
        await context.RunStepAsync(
            "record",
            _ =>
            {
                Log.Recorded(logger, letter.Queue, letter.Id, letter.Reason, letter.ErrorType, letter.Subject, letter.Attempts, letter.WorkflowId, letter.Fingerprint);
                return ValueTask.CompletedTask;
            },
            cancellationToken).ConfigureAwait(false);
        try
        {
            foreach (var step in services.GetKeyedServices<IDeadLetterStep>(queue))
                await context.RunStepAsync($"step:{step.Name}", token => step.RunAsync(letter, token), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested && context.Attempt >= context.MaxAttempts)
        {
            // People are told before the letter is parked, also when no step can be done for it.
            await alerts.SendAsync(context, cancellationToken).ConfigureAwait(false);
            throw;
        }

        await alerts.SendAsync(context, cancellationToken).ConfigureAwait(false);
        return DeadLetterVerdict.Park("processed");
    }
}
