namespace Topology.Dlq;

/// <summary>Puts letters into queues and settles them. Thread safe.</summary>
public interface IDeadLetterPublisher
{
    /// <summary>Stores a letter once, however often it is published: also after it was closed, and after it has aged out.</summary>
    /// <param name="letter">The letter; <see cref="DeadLetter.Queue"/> and <see cref="DeadLetter.Id"/> decide its identity.</param>
    /// <param name="cancellationToken">Ends the call. The letter may have been stored; publish it again to know.</param>
    /// <returns>Whether this call stored it. Only after this returns may the original be given up.</returns>
    /// <exception cref="ArgumentException">The id is not valid.</exception>
    /// <exception cref="DeadLetterQueueFullException">The queue, or its marks, have no room. The original must stay where it is.</exception>
    /// <exception cref="DeadLetterException">The queue is not configured, or the provider cannot be reached.</exception>
    ValueTask<DeadLetterReceipt> PublishAsync(DeadLetter letter, CancellationToken cancellationToken = default);

    /// <summary>Settles a letter for good: first its mark, then the letter is removed. Safe to repeat.</summary>
    /// <param name="queue">The logical name of the queue.</param>
    /// <param name="id">The letter's id. A letter that does not exist yet is closed too, and then never opens.</param>
    /// <param name="reason">Why, for whoever reads the mark.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>Whether this call closed it; <see langword="false"/> when it was closed before.</returns>
    /// <exception cref="DeadLetterException">The queue is not configured, or the provider cannot be reached.</exception>
    ValueTask<bool> CloseAsync(string queue, string id, string reason, CancellationToken cancellationToken = default);
}
