namespace Topology.Dlq;

/// <summary>Deals with the letters of one queue. Created anew, in its own service scope, for each try.</summary>
public interface IDeadLetterProcessor
{
    /// <summary>Processes one letter.</summary>
    /// <remarks>
    /// Throwing is a failed try: the letter comes back after a delay, and is parked when the tries of
    /// <see cref="DeadLetterConsumerOptions.MaxDeliver"/> are used up. A try may be cut off anywhere by a crash, so what it does must be safe
    /// to repeat; <see cref="DeadLetterContext.RunStepAsync"/> remembers what is done.
    /// </remarks>
    /// <param name="context">The letter and this try.</param>
    /// <param name="cancellationToken">Cancelled when the host stops and does not wait any longer.</param>
    ValueTask<DeadLetterVerdict> ProcessAsync(DeadLetterContext context, CancellationToken cancellationToken);
}
