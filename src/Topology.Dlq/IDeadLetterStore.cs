namespace Topology.Dlq;

/// <summary>Looks into queues without consuming anything. Closed letters are never shown. Thread safe.</summary>
/// <remarks>Queries read the whole queue: they are for people and reports, not for hot paths.</remarks>
public interface IDeadLetterStore
{
    /// <summary>Finds an open letter.</summary>
    /// <param name="queue">The logical name of the queue.</param>
    /// <param name="id">The letter's id.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="DeadLetterException">The queue is not configured, or the provider cannot be reached.</exception>
    ValueTask<DeadLetter?> GetAsync(string queue, string id, CancellationToken cancellationToken = default);

    /// <summary>Reads the letters a query selects, oldest first.</summary>
    /// <param name="query">The selection.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="DeadLetterException">The queue is not configured, or the provider cannot be reached.</exception>
    IAsyncEnumerable<DeadLetter> QueryAsync(DeadLetterQuery query, CancellationToken cancellationToken = default);

    /// <summary>Groups the letters a query selects by cause, the largest group first.</summary>
    /// <param name="query">The selection.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="DeadLetterException">The queue is not configured, or the provider cannot be reached.</exception>
    ValueTask<IReadOnlyList<DeadLetterGroup>> GroupAsync(DeadLetterQuery query, CancellationToken cancellationToken = default);

    /// <summary>Counts a queue.</summary>
    /// <param name="queue">The logical name of the queue.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="DeadLetterException">The queue is not configured, or the provider cannot be reached.</exception>
    ValueTask<DeadLetterStats> StatsAsync(string queue, CancellationToken cancellationToken = default);

    /// <summary>Closes the letters a query selects, without redriving them.</summary>
    /// <param name="query">The selection.</param>
    /// <param name="reason">Why, for whoever reads the marks.</param>
    /// <param name="cancellationToken">Ends the call between two letters.</param>
    /// <returns>How many were closed.</returns>
    /// <exception cref="DeadLetterException">The queue is not configured, or the provider cannot be reached.</exception>
    ValueTask<int> DiscardAsync(DeadLetterQuery query, string reason, CancellationToken cancellationToken = default);
}
