namespace Topology.Dlq.Internal;

/// <summary>The processor of a queue that has no other: tells people, and leaves the letter to them.</summary>
internal sealed class AlertOnlyProcessor(AlertSender alerts) : IDeadLetterProcessor
{
    public async ValueTask<DeadLetterVerdict> ProcessAsync(DeadLetterContext context, CancellationToken cancellationToken)
    {
        await alerts.SendAsync(context, cancellationToken).ConfigureAwait(false);
        return DeadLetterVerdict.Park("alert-only");
    }
}
