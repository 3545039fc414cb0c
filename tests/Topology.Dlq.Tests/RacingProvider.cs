namespace Topology.Dlq.Tests;

/// <summary>A provider in which something else happens just before a letter is stored.</summary>
internal sealed class RacingProvider(IDeadLetterQueueProvider inner, Func<Task> beforeAppend) : IDeadLetterQueueProvider
{
    public async ValueTask<bool> AppendAsync(DeadLetter letter, CancellationToken cancellationToken)
    {
        await beforeAppend();
        return await inner.AppendAsync(letter, cancellationToken);
    }

    public ValueTask<DeadLetter?> FindAsync(string queue, string id, CancellationToken cancellationToken) =>
        inner.FindAsync(queue, id, cancellationToken);

    public IAsyncEnumerable<DeadLetter> ReadAsync(string queue, CancellationToken cancellationToken) => inner.ReadAsync(queue, cancellationToken);

    public ValueTask<bool> RemoveAsync(string queue, string id, CancellationToken cancellationToken) =>
        inner.RemoveAsync(queue, id, cancellationToken);

    public ValueTask<DeadLetterQueueSample> SampleAsync(string queue, CancellationToken cancellationToken) =>
        inner.SampleAsync(queue, cancellationToken);

    public ValueTask<DeadLetterMark> ReadMarkAsync(string queue, string id, CancellationToken cancellationToken) =>
        inner.ReadMarkAsync(queue, id, cancellationToken);

    public IAsyncEnumerable<DeadLetterMark> ReadMarksAsync(string queue, CancellationToken cancellationToken) =>
        inner.ReadMarksAsync(queue, cancellationToken);

    public ValueTask<ulong?> TryWriteMarkAsync(DeadLetterMark mark, CancellationToken cancellationToken) =>
        inner.TryWriteMarkAsync(mark, cancellationToken);

    public IAsyncEnumerable<IDeadLetterDelivery> ReceiveAsync(
        string queue, DeadLetterConsumerOptions consumer, CancellationToken cancellationToken) =>
        inner.ReceiveAsync(queue, consumer, cancellationToken);
}
