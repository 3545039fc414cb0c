namespace Topology.Dlq;

/// <summary>Looks after the streams and consumers of all queues on a server. Thread safe.</summary>
/// <remarks>Queues do this themselves when they are first used; this is for a deployment step or a report.</remarks>
public interface IDeadLetterTopology
{
    /// <summary>Compares every stream and consumer with what is configured, and with <see cref="DeadLetterProvisioning.Create"/> creates
    /// what is missing. A second call writes nothing.</summary>
    /// <param name="mode">What may be done.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>What differs, field by field; empty when everything is as configured.</returns>
    /// <exception cref="DeadLetterException">The server cannot be reached, is too old, or refused a creation.</exception>
    ValueTask<IReadOnlyList<DeadLetterDrift>> ApplyAsync(DeadLetterProvisioning mode, CancellationToken cancellationToken = default);
}
