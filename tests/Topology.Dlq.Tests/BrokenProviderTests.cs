namespace Topology.Dlq.Tests;

/// <summary>Providers with one defect each. The conformance suite must reject every one of them.</summary>
public sealed class BrokenProviderTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Defects => new()
    {
        { nameof(OverwritesLetters), "a letter is stored once per id" },
        { nameof(AlwaysSaysStored), "of concurrent appends with one id one stores" },
        { nameof(LosesHeaders), "what is appended is what is read, whatever it holds" },
        { nameof(RemovesWithoutSaying), "an absent letter is not found, a removed one is gone, once" },
        { nameof(ReadsForEver), "reading is oldest first, consumes nothing, and ends with what was there" },
        { nameof(ForgetsSteps), "a mark is empty until written and then what was written" },
        { nameof(LastWriterWins), "a mark is written by compare-and-set" },
        { nameof(LastWriterWins), "of concurrent writers of a mark one wins" },
        { nameof(RemovesMarks), "a mark outlives its letter and is no letter" },
        { nameof(LendsToEveryone), "a letter is lent once until its time is over, and again then" },
        { nameof(NeverSettles), "a settled letter is not lent again and stays in the queue" },
        { nameof(IgnoresDelays), "a letter that is put back comes after its delay and not before" },
        { nameof(NeverRenews), "renewing lends for another full time" },
        { nameof(EvictsWhenFull), "a full queue refuses, evicts nothing, and has room again after a removal" },
    };

    [Theory]
    [MemberData(nameof(Defects))]
    public async Task The_suite_rejects(string defect, string rule)
    {
        await using var good = new InMemoryQueueUnderTest();
        Broken broken = defect switch
        {
            nameof(OverwritesLetters) => new OverwritesLetters(good.Provider),
            nameof(AlwaysSaysStored) => new AlwaysSaysStored(good.Provider),
            nameof(LosesHeaders) => new LosesHeaders(good.Provider),
            nameof(RemovesWithoutSaying) => new RemovesWithoutSaying(good.Provider),
            nameof(ReadsForEver) => new ReadsForEver(good.Provider),
            nameof(ForgetsSteps) => new ForgetsSteps(good.Provider),
            nameof(LastWriterWins) => new LastWriterWins(good.Provider),
            nameof(RemovesMarks) => new RemovesMarks(good.Provider),
            nameof(LendsToEveryone) => new LendsToEveryone(good.Provider),
            nameof(NeverSettles) => new NeverSettles(good.Provider),
            nameof(IgnoresDelays) => new IgnoresDelays(good.Provider),
            nameof(NeverRenews) => new NeverRenews(good.Provider),
            _ => new EvictsWhenFull(good.Provider),
        };
        await using var test = new Wrapped(good, broken);
        await Assert.ThrowsAnyAsync<Exception>(() => DeadLetterQueueConformance.Rules[rule](test));
    }

    private sealed class Wrapped(QueueUnderTest good, IDeadLetterQueueProvider provider) : QueueUnderTest
    {
        public override IDeadLetterQueueProvider Provider => provider;

        public override string Queue => good.Queue;

        public override DateTimeOffset Now => good.Now;

        public override Task PassAsync(TimeSpan time) => good.PassAsync(time);

        public override ValueTask DisposeAsync() => default;
    }

    private class Broken(IDeadLetterQueueProvider inner) : IDeadLetterQueueProvider
    {
        protected IDeadLetterQueueProvider Inner => inner;

        public virtual ValueTask<bool> AppendAsync(DeadLetter letter, CancellationToken cancellationToken) => inner.AppendAsync(letter, cancellationToken);

        public virtual ValueTask<DeadLetter?> FindAsync(string queue, string id, CancellationToken cancellationToken) =>
            inner.FindAsync(queue, id, cancellationToken);

        public virtual IAsyncEnumerable<DeadLetter> ReadAsync(string queue, CancellationToken cancellationToken) => inner.ReadAsync(queue, cancellationToken);

        public virtual ValueTask<bool> RemoveAsync(string queue, string id, CancellationToken cancellationToken) =>
            inner.RemoveAsync(queue, id, cancellationToken);

        public ValueTask<DeadLetterQueueSample> SampleAsync(string queue, CancellationToken cancellationToken) => inner.SampleAsync(queue, cancellationToken);

        public virtual ValueTask<DeadLetterMark> ReadMarkAsync(string queue, string id, CancellationToken cancellationToken) =>
            inner.ReadMarkAsync(queue, id, cancellationToken);

        public IAsyncEnumerable<DeadLetterMark> ReadMarksAsync(string queue, CancellationToken cancellationToken) =>
            inner.ReadMarksAsync(queue, cancellationToken);

        public virtual ValueTask<ulong?> TryWriteMarkAsync(DeadLetterMark mark, CancellationToken cancellationToken) =>
            inner.TryWriteMarkAsync(mark, cancellationToken);

        public virtual async IAsyncEnumerable<IDeadLetterDelivery> ReceiveAsync(
            string queue, DeadLetterConsumerOptions consumer, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await foreach (var delivery in inner.ReceiveAsync(queue, consumer, cancellationToken))
                yield return new Delivery(this, delivery);
        }

        protected virtual ValueTask RenewAsync(IDeadLetterDelivery delivery, CancellationToken cancellationToken) => delivery.RenewAsync(cancellationToken);

        protected virtual ValueTask SettleAsync(IDeadLetterDelivery delivery, CancellationToken cancellationToken) => delivery.SettleAsync(cancellationToken);

        protected virtual ValueTask PutBackAsync(IDeadLetterDelivery delivery, TimeSpan delay, CancellationToken cancellationToken) =>
            delivery.PutBackAsync(delay, cancellationToken);

        private sealed class Delivery(Broken broken, IDeadLetterDelivery inner) : IDeadLetterDelivery
        {
            public DeadLetter Letter => inner.Letter;

            public ValueTask RenewAsync(CancellationToken cancellationToken) => broken.RenewAsync(inner, cancellationToken);

            public ValueTask SettleAsync(CancellationToken cancellationToken) => broken.SettleAsync(inner, cancellationToken);

            public ValueTask PutBackAsync(TimeSpan delay, CancellationToken cancellationToken) => broken.PutBackAsync(inner, delay, cancellationToken);
        }
    }

    private sealed class OverwritesLetters(IDeadLetterQueueProvider inner) : Broken(inner)
    {
        public override async ValueTask<bool> AppendAsync(DeadLetter letter, CancellationToken cancellationToken)
        {
            await Inner.RemoveAsync(letter.Queue, letter.Id, cancellationToken);
            return await Inner.AppendAsync(letter, cancellationToken);
        }
    }

    private sealed class AlwaysSaysStored(IDeadLetterQueueProvider inner) : Broken(inner)
    {
        public override async ValueTask<bool> AppendAsync(DeadLetter letter, CancellationToken cancellationToken)
        {
            await Inner.AppendAsync(letter, cancellationToken);
            return true;
        }
    }

    private sealed class LosesHeaders(IDeadLetterQueueProvider inner) : Broken(inner)
    {
        public override ValueTask<bool> AppendAsync(DeadLetter letter, CancellationToken cancellationToken) => Inner.AppendAsync(
            letter with { Headers = [.. letter.Headers.DistinctBy(header => header.Key, StringComparer.OrdinalIgnoreCase)] }, cancellationToken);
    }

    private sealed class RemovesWithoutSaying(IDeadLetterQueueProvider inner) : Broken(inner)
    {
        public override async ValueTask<bool> RemoveAsync(string queue, string id, CancellationToken cancellationToken)
        {
            await Inner.RemoveAsync(queue, id, cancellationToken);
            return true;
        }
    }

    private sealed class ReadsForEver(IDeadLetterQueueProvider inner) : Broken(inner)
    {
        public override async IAsyncEnumerable<DeadLetter> ReadAsync(
            string queue, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            for (var i = 0; i < 100; i++)
            {
                var all = await Inner.ReadAsync(queue, cancellationToken).ToListAsync(cancellationToken);
                if (i >= all.Count)
                    yield break;
                yield return all[i];
            }
        }
    }

    private sealed class ForgetsSteps(IDeadLetterQueueProvider inner) : Broken(inner)
    {
        public override ValueTask<ulong?> TryWriteMarkAsync(DeadLetterMark mark, CancellationToken cancellationToken) =>
            Inner.TryWriteMarkAsync(mark with { Steps = [.. mark.Steps.Take(1)] }, cancellationToken);
    }

    private sealed class LastWriterWins(IDeadLetterQueueProvider inner) : Broken(inner)
    {
        public override async ValueTask<ulong?> TryWriteMarkAsync(DeadLetterMark mark, CancellationToken cancellationToken)
        {
            var current = await Inner.ReadMarkAsync(mark.Queue, mark.Id, cancellationToken);
            return await Inner.TryWriteMarkAsync(mark with { Revision = current.Revision }, cancellationToken);
        }
    }

    private sealed class RemovesMarks(IDeadLetterQueueProvider inner) : Broken(inner)
    {
        private readonly HashSet<string> _removed = [];

        public override ValueTask<bool> RemoveAsync(string queue, string id, CancellationToken cancellationToken)
        {
            _removed.Add(id);
            return Inner.RemoveAsync(queue, id, cancellationToken);
        }

        public override async ValueTask<DeadLetterMark> ReadMarkAsync(string queue, string id, CancellationToken cancellationToken) =>
            _removed.Contains(id) ? new DeadLetterMark { Queue = queue, Id = id } : await Inner.ReadMarkAsync(queue, id, cancellationToken);
    }

    private sealed class LendsToEveryone(IDeadLetterQueueProvider inner) : Broken(inner)
    {
        private int _consumers;

        public override IAsyncEnumerable<IDeadLetterDelivery> ReceiveAsync(
            string queue, DeadLetterConsumerOptions consumer, CancellationToken cancellationToken) =>
            base.ReceiveAsync(queue, new() { Name = $"{consumer.Name}{_consumers++}", AckWait = consumer.AckWait }, cancellationToken);
    }

    private sealed class NeverSettles(IDeadLetterQueueProvider inner) : Broken(inner)
    {
        protected override ValueTask SettleAsync(IDeadLetterDelivery delivery, CancellationToken cancellationToken) => default;
    }

    private sealed class IgnoresDelays(IDeadLetterQueueProvider inner) : Broken(inner)
    {
        protected override ValueTask PutBackAsync(IDeadLetterDelivery delivery, TimeSpan delay, CancellationToken cancellationToken) =>
            delivery.PutBackAsync(TimeSpan.Zero, cancellationToken);
    }

    private sealed class NeverRenews(IDeadLetterQueueProvider inner) : Broken(inner)
    {
        protected override ValueTask RenewAsync(IDeadLetterDelivery delivery, CancellationToken cancellationToken) => default;
    }

    private sealed class EvictsWhenFull(IDeadLetterQueueProvider inner) : Broken(inner)
    {
        public override async ValueTask<bool> AppendAsync(DeadLetter letter, CancellationToken cancellationToken)
        {
            try
            {
                return await Inner.AppendAsync(letter, cancellationToken);
            }
            catch (DeadLetterQueueFullException)
            {
                var oldest = await Inner.ReadAsync(letter.Queue, cancellationToken).FirstAsync(cancellationToken);
                await Inner.RemoveAsync(letter.Queue, oldest.Id, cancellationToken);
                return await Inner.AppendAsync(letter, cancellationToken);
            }
        }
    }
}
