namespace Topology.Dlq;

/// <summary>Handles the messages of a guarded consumer. Resolved for each try from a service scope of its own.</summary>
public interface IWorkHandler
{
    /// <summary>Handles one message.</summary>
    /// <remarks>
    /// Messages come as raw bytes: one that cannot be read is a verdict, <see cref="WorkVerdict.DeadLetter"/> with
    /// <see cref="DeadLetterReasons.Undecodable"/>, and not an endless redelivery. Throwing is a failed try, judged by the consumer's retry
    /// profile. Delivery is at least once.
    /// </remarks>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">Cancelled at <see cref="GuardedConsumerOptions.MaxProcessingTime"/>, and when the host does not wait
    /// any longer.</param>
    ValueTask<WorkVerdict> HandleAsync(WorkMessage message, CancellationToken cancellationToken);
}
