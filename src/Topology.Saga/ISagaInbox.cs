namespace Topology.Saga;

/// <summary>Keeps what others have to say to a saga: its journal has one writer, so they do not write there.</summary>
/// <remarks>Safe for concurrent use.</remarks>
public interface ISagaInbox
{
    /// <summary>Adds a command. Durable when it returns.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="command">What was decided.</param>
    /// <param name="cancellationToken">Ends the wait; the command may be stored all the same.</param>
    /// <returns>Its sequence, from 1, growing.</returns>
    ValueTask<long> PostAsync(SagaId id, SagaCommand command, CancellationToken cancellationToken);

    /// <summary>Reads the commands after a sequence, oldest first.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="afterSequence">The sequence to begin after; 0 reads all.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask<IReadOnlyList<SagaInboxEntry>> ReadAsync(SagaId id, long afterSequence, CancellationToken cancellationToken);
}
