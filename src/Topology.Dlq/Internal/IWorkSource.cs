namespace Topology.Dlq.Internal;

/// <summary>A work stream as one durable consumer sees it. A port of its own, so that the guard can be shown the worst a server may do.</summary>
internal interface IWorkSource
{
    /// <summary>Gets how many messages are asked for and have not come yet.</summary>
    int Asked => 0;

    /// <summary>Makes sure the consumer is there and fit.</summary>
    /// <returns>When the stream was created: its sequences start again with it.</returns>
    ValueTask<DateTimeOffset> OpenAsync(CancellationToken cancellationToken);

    /// <summary>Stores a copy of a failed message that is delivered when it is due, if so many are delayed already that one more would hold up
    /// the others. The original is then to be acknowledged.</summary>
    ValueTask<bool> TrySetAsideAsync(IWorkDelivery delivery, string letterId, int tries, TimeSpan delay, CancellationToken cancellationToken);

    /// <summary>Takes what has come, and waits for a while when nothing has. Asks for more, so that no more than a number come from now on.</summary>
    IAsyncEnumerable<IWorkDelivery> FetchAsync(int count, CancellationToken cancellationToken);

    /// <summary>Takes nothing any longer, and gives back what came and was not taken.</summary>
    ValueTask CloseAsync() => default;
}
