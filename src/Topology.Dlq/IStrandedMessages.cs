namespace Topology.Dlq;

/// <summary>Finds what consumers that are not guarded gave up on, without consuming anything, and turns it into letters. Thread safe.</summary>
/// <remarks>
/// Two things tell: advisories, captured best effort (<see cref="JetStreamDeadLetterOptions.CaptureAdvisories"/>), and a scan. The scan needs a
/// stream that removes what was acknowledged: one with work-queue retention, or with interest retention and one consumer. There, what is
/// still stored below everything the consumer has pending was given up. On any other stream only advisories tell.
/// </remarks>
public interface IStrandedMessages
{
    /// <summary>Reads the messages that a consumer gave up on, in the order of the stream. What has a letter already is left out.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="consumer">The consumer; it need not exist any more.</param>
    /// <param name="queue">The logical name of the queue its messages belong in.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="DeadLetterException">The queue is not configured, or the server cannot be reached.</exception>
    IAsyncEnumerable<StrandedMessage> FindAsync(string stream, string consumer, string queue, CancellationToken cancellationToken = default);

    /// <summary>Makes a letter of a message, and then removes the message from a work-queue stream; from other streams it is not removed, because
    /// others may read it.</summary>
    /// <param name="message">The message, as <see cref="FindAsync"/> returned it.</param>
    /// <param name="cancellationToken">Ends the call; the letter may have been stored. Calling again makes no second one.</param>
    /// <returns>What became of it, or <see langword="null"/> when the message is not in the stream any longer.</returns>
    /// <exception cref="DeadLetterException">The queue is not configured or full, or the server cannot be reached.</exception>
    ValueTask<DeadLetterReceipt?> TransferAsync(StrandedMessage message, CancellationToken cancellationToken = default);
}
