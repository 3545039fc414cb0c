namespace Topology.Dlq.Tests;

/// <summary>A provider as a process that can die sees it: nothing returns after its death.</summary>
internal sealed class MortalProvider(IDeadLetterQueueProvider inner, WorkStream.WorkProcess process) : IDeadLetterQueueProvider
{
    public ValueTask<bool> AppendAsync(DeadLetter letter, CancellationToken cancellationToken) => Live(() => inner.AppendAsync(letter, cancellationToken));

    public ValueTask<DeadLetter?> FindAsync(string queue, string id, CancellationToken cancellationToken) =>
        Live(() => inner.FindAsync(queue, id, cancellationToken));

    public IAsyncEnumerable<DeadLetter> ReadAsync(string queue, CancellationToken cancellationToken) => inner.ReadAsync(queue, cancellationToken);

    public ValueTask<bool> RemoveAsync(string queue, string id, CancellationToken cancellationToken) =>
        Live(() => inner.RemoveAsync(queue, id, cancellationToken));

    public ValueTask<DeadLetterQueueSample> SampleAsync(string queue, CancellationToken cancellationToken) => inner.SampleAsync(queue, cancellationToken);

    public ValueTask<DeadLetterMark> ReadMarkAsync(string queue, string id, CancellationToken cancellationToken) =>
        Live(() => inner.ReadMarkAsync(queue, id, cancellationToken));

    public IAsyncEnumerable<DeadLetterMark> ReadMarksAsync(string queue, CancellationToken cancellationToken) =>
        inner.ReadMarksAsync(queue, cancellationToken);

    public ValueTask<ulong?> TryWriteMarkAsync(DeadLetterMark mark, CancellationToken cancellationToken) =>
        Live(() => inner.TryWriteMarkAsync(mark, cancellationToken));

    public IAsyncEnumerable<IDeadLetterDelivery> ReceiveAsync(
        string queue, DeadLetterConsumerOptions consumer, CancellationToken cancellationToken) => inner.ReceiveAsync(queue, consumer, cancellationToken);

    private async ValueTask<T> Live<T>(Func<ValueTask<T>> call)
    {
        await process.LiveAsync();
        return await call();
    }
}
