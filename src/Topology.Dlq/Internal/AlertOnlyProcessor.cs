namespace Topology.Dlq.Internal;

/// <summary>The processor of a queue that has no other: tells people, and leaves the letter to them.</summary>
internal sealed class AlertOnlyProcessor(IEnumerable<IDeadLetterAlertSink> sinks) : IDeadLetterProcessor
{
    public async ValueTask<DeadLetterVerdict> ProcessAsync(DeadLetterContext context, CancellationToken cancellationToken)
    {
        await AlertAsync(context, sinks, cancellationToken).ConfigureAwait(false);
        return DeadLetterVerdict.Park("alert-only");
    }

    /// <summary>Sends to every sink that was not reached before; one that fails does not keep the others from being told.</summary>
    public static async ValueTask AlertAsync(
        DeadLetterContext context, IEnumerable<IDeadLetterAlertSink> sinks, CancellationToken cancellationToken)
    {
        var letter = context.Letter;
        var alert = new DeadLetterAlert(
            letter.Queue, letter.Id, letter.Reason, letter.Subject, letter.Tenant, letter.WorkflowId, letter.ErrorType, letter.ErrorMessage,
            letter.LastFailedAt);
        List<Exception>? failures = null;
        foreach (var sink in sinks)
        {
            try
            {
                await context.RunStepAsync($"alert:{sink.Name}", token => sink.SendAsync(alert, token), cancellationToken).ConfigureAwait(false);
            }
            catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
            {
                (failures ??= []).Add(failure);
            }
        }

        if (failures is not null)
            throw new AggregateException($"{failures.Count} alert sinks could not be reached.", failures);
    }
}
