namespace Topology.Saga;

/// <summary>Keeps what others have to say to a saga: its journal has one writer, so they do not write there.</summary>
/// <remarks>Safe for concurrent use.</remarks>
public interface ISagaInbox
{
    /// <summary>Adds a message. Durable when it returns.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="message">What is said.</param>
    /// <param name="cancellationToken">Ends the wait; the message may be stored all the same.</param>
    /// <returns>Its sequence, from 1, growing.</returns>
    ValueTask<long> PostAsync(SagaId id, SagaMessage message, CancellationToken cancellationToken);

    /// <summary>Reads the messages after a sequence, oldest first.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="afterSequence">The sequence to begin after; 0 reads all.</param>
    /// <param name="mayLag">
    /// Whether a message posted a moment ago may be missing, so that a provider that is told of news need not ask its store. Otherwise every
    /// message whose post has returned is there.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask<IReadOnlyList<SagaInboxEntry>> ReadAsync(SagaId id, long afterSequence, bool mayLag, CancellationToken cancellationToken);

    /// <summary>Calls back when there may be a message after a sequence. Calling early is allowed, missing a message is not.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="afterSequence">The sequence to begin after.</param>
    /// <param name="heard">
    /// Called once or more, on any thread, maybe before this method returns. It does not block and does not throw; call it outside of locks.
    /// </param>
    /// <returns>What ends the listening when disposed; a call that is under way may still come.</returns>
    IDisposable Listen(SagaId id, long afterSequence, Action heard);

    /// <summary>Removes the messages of a saga that has ended. Sequences may begin anew.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="cancellationToken">Ends the wait; they may be removed all the same.</param>
    ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken);
}
