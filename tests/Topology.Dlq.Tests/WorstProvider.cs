using System.Runtime.CompilerServices;

namespace Topology.Dlq.Tests;

/// <summary>
/// A queue that does by seed the worst it may: it is full now and then, loses the answer to what it has done, lends a letter twice and before
/// its time, and forgets that a letter was settled.
/// </summary>
internal sealed class WorstProvider(IDeadLetterQueueProvider inner, int seed) : IDeadLetterQueueProvider
{
    private const int OneIn = 8;

    private readonly Random _random = new(seed);

    /// <summary>Gets or sets whether it behaves.</summary>
    public bool Behaves { get; set; }

    /// <summary>Gets how often it did not.</summary>
    public int Faults { get; private set; }

    public ValueTask<bool> AppendAsync(DeadLetter letter, CancellationToken cancellationToken) => Fault()
        ? throw new DeadLetterQueueFullException("It is full.") { Queue = letter.Queue }
        : LosingAsync(letter.Queue, inner.AppendAsync(letter, cancellationToken));

    public ValueTask<DeadLetter?> FindAsync(string queue, string id, CancellationToken cancellationToken) => inner.FindAsync(queue, id, cancellationToken);

    public IAsyncEnumerable<DeadLetter> ReadAsync(string queue, CancellationToken cancellationToken) => inner.ReadAsync(queue, cancellationToken);

    public ValueTask<bool> RemoveAsync(string queue, string id, CancellationToken cancellationToken) =>
        LosingAsync(queue, inner.RemoveAsync(queue, id, cancellationToken));

    public ValueTask<DeadLetterQueueSample> SampleAsync(string queue, CancellationToken cancellationToken) => inner.SampleAsync(queue, cancellationToken);

    public ValueTask<DeadLetterMark> ReadMarkAsync(string queue, string id, CancellationToken cancellationToken) =>
        LosingAsync(queue, inner.ReadMarkAsync(queue, id, cancellationToken));

    public IAsyncEnumerable<DeadLetterMark> ReadMarksAsync(string queue, CancellationToken cancellationToken) => inner.ReadMarksAsync(queue, cancellationToken);

    public ValueTask<ulong?> TryWriteMarkAsync(DeadLetterMark mark, CancellationToken cancellationToken) =>
        LosingAsync(mark.Queue, inner.TryWriteMarkAsync(mark, cancellationToken));

    public async IAsyncEnumerable<IDeadLetterDelivery> ReceiveAsync(
        string queue, DeadLetterConsumerOptions consumer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var delivery in inner.ReceiveAsync(queue, consumer, cancellationToken))
        {
            yield return new Delivery(this, delivery);
            if (Fault())
                yield return new Delivery(this, delivery); // a second time, and its settling is the stale one
        }
    }

    private bool Fault()
    {
        lock (_random)
        {
            if (Behaves || _random.Next(OneIn) != 0)
                return false;
            Faults++;
            return true;
        }
    }

    private async ValueTask<T> LosingAsync<T>(string queue, ValueTask<T> call)
    {
        var done = await call;
        return Fault() ? throw new DeadLetterException("The answer was lost.") { Queue = queue } : done;
    }

    private sealed class Delivery(WorstProvider worst, IDeadLetterDelivery inner) : IDeadLetterDelivery
    {
        public DeadLetter Letter => inner.Letter;

        public ValueTask RenewAsync(CancellationToken cancellationToken) => worst.Fault() ? default : inner.RenewAsync(cancellationToken);

        public ValueTask SettleAsync(CancellationToken cancellationToken) =>
            worst.Fault() ? inner.PutBackAsync(TimeSpan.Zero, cancellationToken) : inner.SettleAsync(cancellationToken);

        public ValueTask PutBackAsync(TimeSpan delay, CancellationToken cancellationToken) =>
            inner.PutBackAsync(worst.Fault() ? TimeSpan.Zero : delay, cancellationToken);
    }
}
