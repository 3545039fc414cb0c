namespace Topology.Dlq.Tests;

/// <summary>A provider with an empty queue, and time that can pass for it.</summary>
internal abstract class QueueUnderTest : IAsyncDisposable
{
    public abstract IDeadLetterQueueProvider Provider { get; }

    public abstract string Queue { get; }

    public abstract DateTimeOffset Now { get; }

    public static DeadLetterConsumerOptions Consumer(string name = "c") => new() { Name = name, AckWait = TimeSpan.FromSeconds(1) };

    public abstract Task PassAsync(TimeSpan time);

    public abstract ValueTask DisposeAsync();

    public DeadLetter Letter(string id) => new()
    {
        Queue = Queue,
        Id = id,
        Subject = "agent.run.requested",
        Reason = "r",
        Fingerprint = "f",
        Body = new byte[] { 1, 2, 3 },
        FirstFailedAt = Now,
        LastFailedAt = Now,
    };

    /// <summary>Receives one letter, or none within a time.</summary>
    public async Task<IDeadLetterDelivery?> ReceiveAsync(DeadLetterConsumerOptions consumer, TimeSpan within)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var enumerator = Provider.ReceiveAsync(Queue, consumer, end.Token).GetAsyncEnumerator(end.Token);
        var receiving = enumerator.MoveNextAsync().AsTask();
        for (var passed = TimeSpan.Zero; !receiving.IsCompleted && passed < within; passed += TimeSpan.FromMilliseconds(50))
            await PassAsync(TimeSpan.FromMilliseconds(50));
        if (!receiving.IsCompleted)
            await end.CancelAsync();
        try
        {
            return await receiving ? enumerator.Current : null;
        }
        catch (Exception) when (end.IsCancellationRequested)
        {
            return null;
        }
        finally
        {
            await enumerator.DisposeAsync();
        }
    }
}
