namespace Topology.Dlq.Internal;

/// <summary>A work stream as one durable consumer sees it. A port of its own, so that the guard can be shown the worst a server may do.</summary>
internal interface IWorkSource
{
    /// <summary>Makes sure the consumer is there and fit.</summary>
    /// <returns>When the stream was created: its sequences start again with it.</returns>
    ValueTask<DateTimeOffset> OpenAsync(CancellationToken cancellationToken);

    /// <summary>Takes up to a number of messages, as they come, for a while.</summary>
    IAsyncEnumerable<IWorkDelivery> FetchAsync(int count, CancellationToken cancellationToken);
}
