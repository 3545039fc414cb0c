using Microsoft.Extensions.Logging;

namespace Topology.Dlq.Internal;

/// <summary>Turns a message into a letter: the letter, its mark, and only then the original. Thread safe.</summary>
internal sealed class WorkTransfer(
    string name,
    GuardedConsumerOptions options,
    int maxAttempts,
    DeadLetterQueueOptions queue,
    IDeadLetterQueueProvider provider,
    DeadLetterPublisher publisher,
    AlertSender alerts,
    DeadLetterMetrics metrics,
    TimeProvider time,
    ILogger<GuardedConsumer> logger)
{
    private static readonly TimeSpan RefusedPause = TimeSpan.FromSeconds(10);

    public async ValueTask RunAsync(
        IWorkDelivery delivery, WorkMessage message, DeadLetterMark mark, string reason, Exception? error, CancellationToken abandon)
    {
        // What was decided is carried out also when the host has stopped waiting.
        var cancellationToken = CancellationToken.None;
        var now = time.GetUtcNow();
        var last = mark.History.Count > 0 ? mark.History[^1] : null;
        var root = error is null ? null : DeadLetter.RootOf(error);
        var letter = new DeadLetter
        {
            Queue = options.Queue,
            Id = message.LetterId,
            Subject = delivery.Subject,
            Tenant = message.FindHeader(options.TenantHeader) ?? DeadLetter.NoTenant,
            WorkflowId = message.FindHeader(options.WorkflowIdHeader),
            Reason = reason,
            ErrorType = root is null ? last?.ErrorType : root.GetType().FullName,
            ErrorMessage = root?.Message,
            ErrorStack = root?.StackTrace ?? error?.StackTrace,
            Headers = message.Headers,
            ContentType = message.FindHeader("content-type"),
            Body = delivery.Body,
            FirstFailedAt = last is null ? now : mark.History[0].FailedAt,
            LastFailedAt = last?.FailedAt ?? now,
            Attempts = mark.Starts,
            History = mark.History,
            RedriveCount = message.RedriveCount,
            Source = message.Source,
        };
        try
        {
            // Nothing is known of a first delivery. One so old that its letter may have aged out is looked up all the same: a killed server
            // forgets how often it delivered.
            if (delivery.Deliveries > 1 || now - delivery.StoredAt < queue.MaxAge / 2)
                await publisher.PublishAsync(letter, mark, cancellationToken).ConfigureAwait(false);
            else
                await publisher.PublishAsync(letter, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception refused) when (refused is DeadLetterException)
        {
            metrics.PublishFailed(options.Queue);
            Log.TransferFailed(logger, refused, name, delivery.Sequence, options.Queue);
            await HoldBackAsync(delivery, mark, cancellationToken).ConfigureAwait(false);
            if (refused is DeadLetterQueueFullException)
                await alerts.SendFullAsync(letter, abandon).ConfigureAwait(false);
            return;
        }

        await delivery.AckAsync(cancellationToken).ConfigureAwait(false);
        metrics.Handled(name, WorkVerdictKind.DeadLetter);
    }

    /// <summary>Leaves the original where it is. Its tries are over; a full queue of marks is the one reason it may be started again.</summary>
    private async ValueTask HoldBackAsync(IWorkDelivery delivery, DeadLetterMark mark, CancellationToken cancellationToken)
    {
        var tries = Math.Max(mark.Starts, maxAttempts);
        try
        {
            await provider.UpdateMarkAsync(
                mark,
                current => current.Transferred || current.Starts >= maxAttempts
                    ? current
                    : current with { Starts = tries, Failures = tries, History = mark.History },
                cancellationToken).ConfigureAwait(false);
        }
        catch (DeadLetterException)
        {
            // Said already.
        }

        await delivery.NakAsync(RefusedPause, cancellationToken).ConfigureAwait(false);
    }
}
