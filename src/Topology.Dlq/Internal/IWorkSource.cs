namespace Topology.Dlq.Internal;

/// <summary>A work stream as one durable consumer sees it. A port of its own, so that the guard can be shown the worst a server may do.</summary>
internal interface IWorkSource
{
    /// <summary>Makes sure the consumer is there and fit.</summary>
    /// <returns>When the stream was created: its sequences start again with it.</returns>
    ValueTask<DateTimeOffset> OpenAsync(CancellationToken cancellationToken);

    /// <summary>Stores a copy of a failed message that is delivered when it is due, if so many are delayed already that one more would hold up
    /// the others. The original is then to be acknowledged.</summary>
    ValueTask<bool> TrySetAsideAsync(IWorkDelivery delivery, string letterId, int tries, TimeSpan delay, CancellationToken cancellationToken);

    /// <summary>Takes up to a number of messages, as they come, for a while.</summary>
    IAsyncEnumerable<IWorkDelivery> FetchAsync(int count, CancellationToken cancellationToken);
}
