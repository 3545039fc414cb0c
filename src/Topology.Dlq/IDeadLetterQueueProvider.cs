namespace Topology.Dlq;

/// <summary>Where letters and marks are kept. The rules of dead letters are written once, above it. Thread safe.</summary>
/// <remarks>
/// Queues are named by their logical names. An implementation throws <see cref="DeadLetterException"/> for what it cannot do, and
/// <see cref="DeadLetterQueueFullException"/> when there is no room: it never evicts.
/// </remarks>
public interface IDeadLetterQueueProvider
{
    /// <summary>Stores a letter unless the queue holds one with its id.</summary>
    /// <param name="letter">The letter.</param>
    /// <param name="cancellationToken">Ends the call; the letter may have been stored.</param>
    /// <returns>Whether this call stored it.</returns>
    ValueTask<bool> AppendAsync(DeadLetter letter, CancellationToken cancellationToken);

    /// <summary>Finds a letter.</summary>
    /// <param name="queue">The logical name.</param>
    /// <param name="id">The letter's id.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask<DeadLetter?> FindAsync(string queue, string id, CancellationToken cancellationToken);

    /// <summary>Reads the letters the queue holds when reading begins, oldest first, consuming none.</summary>
    /// <param name="queue">The logical name.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    IAsyncEnumerable<DeadLetter> ReadAsync(string queue, CancellationToken cancellationToken);

    /// <summary>Removes a letter.</summary>
    /// <param name="queue">The logical name.</param>
    /// <param name="id">The letter's id.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>Whether it was there.</returns>
    ValueTask<bool> RemoveAsync(string queue, string id, CancellationToken cancellationToken);

    /// <summary>Counts a queue.</summary>
    /// <param name="queue">The logical name.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask<DeadLetterQueueSample> SampleAsync(string queue, CancellationToken cancellationToken);

    /// <summary>Reads a mark.</summary>
    /// <param name="queue">The logical name.</param>
    /// <param name="id">The letter's id.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>The mark; an empty one with revision 0 when none was written.</returns>
    ValueTask<DeadLetterMark> ReadMarkAsync(string queue, string id, CancellationToken cancellationToken);

    /// <summary>Reads all marks of a queue, in no order.</summary>
    /// <param name="queue">The logical name.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    IAsyncEnumerable<DeadLetterMark> ReadMarksAsync(string queue, CancellationToken cancellationToken);

    /// <summary>Writes a mark if the stored one still has the given mark's revision.</summary>
    /// <param name="mark">The new value, with the revision that was read.</param>
    /// <param name="cancellationToken">Ends the call; the mark may have been written.</param>
    /// <returns>The new revision, or <see langword="null"/> when another writer came first.</returns>
    ValueTask<ulong?> TryWriteMarkAsync(DeadLetterMark mark, CancellationToken cancellationToken);

    /// <summary>Lends letters to a processor, oldest first, again and again until each is settled.</summary>
    /// <remarks>It ends when there was none to lend for a while, well within a minute; who receives asks again. A loop that never came round
    /// could not be told from one that is stuck.</remarks>
    /// <param name="queue">The logical name.</param>
    /// <param name="consumer">The durable consumer: its name and for how long a letter is lent.</param>
    /// <param name="cancellationToken">Ends the receiving.</param>
    IAsyncEnumerable<IDeadLetterDelivery> ReceiveAsync(string queue, DeadLetterConsumerOptions consumer, CancellationToken cancellationToken);
}
