using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace Topology.Dlq.Internal;

internal sealed class JetStreamWorkSource(
    string name, GuardedConsumerOptions options, JetStreamTopology topology, TimeProvider time, ILogger logger) : IWorkSource
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PlaceAgain = TimeSpan.FromMilliseconds(10);

    private readonly DelayedWork _delayed = new(name, options, topology, time, logger);
    private readonly WorkAcks _acks = new(static delivery => delivery.SendAckAsync(), name, logger);
    private WorkPull? _pull;
    private ulong _newest;
    private ulong _ordinal;
    private bool _askedAnew;

    public int Asked => _pull?.Asked ?? 0;

    public async ValueTask<DateTimeOffset> OpenAsync(CancellationToken cancellationToken)
    {
        // After an interruption: what was there may be gone.
        topology.Forget(options.Queue);
        _delayed.Forget();
        await CloseAsync().ConfigureAwait(false);
        return await JetStreamErrors.WrapAsync(
            options.Queue,
            async () =>
            {
                var created = await topology.EnsureWorkAsync(name, options, cancellationToken).ConfigureAwait(false);
                _pull = await WorkPull.OpenAsync(topology.Context, options.Stream, name, time, cancellationToken).ConfigureAwait(false);
                return created;
            }).ConfigureAwait(false);
    }

    public async ValueTask CloseAsync()
    {
        if (_pull is { } pull)
        {
            _pull = null;
            await pull.DisposeAsync().ConfigureAwait(false);
        }
    }

    public ValueTask<bool> TrySetAsideAsync(IWorkDelivery delivery, string letterId, int tries, TimeSpan delay, CancellationToken cancellationToken) =>
        _delayed.TryAddAsync(delivery, letterId, tries, delay, cancellationToken);

    public async IAsyncEnumerable<IWorkDelivery> FetchAsync(int count, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var pull = _pull!;
        var places = count - pull.Asked;
        await foreach (var copy in _delayed.FetchAsync(places, cancellationToken).ConfigureAwait(false))
        {
            count--;
            places--;
            yield return copy;
        }

        // In batches: asking for each freed place alone would cost a request per message. What is asked for may take long to come, and copies
        // need places meanwhile.
        var batch = Math.Max(1, options.Prefetch / 4);
        var more = count - pull.Asked - (_delayed.IsDue ? batch : 0);
        if (more > 0 && (pull.Asked == 0 || more >= batch))
        {
            _askedAnew |= pull.Asked == 0;
            await pull.AskAsync(more, cancellationToken).ConfigureAwait(false);
        }

        // Every place is taken and more copies may be due: they wait for a place, and not for what was asked for.
        await pull.WaitAsync(_delayed.IsDue && places <= 0 ? PlaceAgain : LookAgain, cancellationToken).ConfigureAwait(false);
        while (pull.TryRead(out var message))
        {
            if (JetStreamWorkDelivery.Read(message, _acks) is not { } delivery)
                continue;
            delivery.IsDoubtful = IsDoubtful(delivery);
            yield return delivery;
        }
    }

    /// <summary>A server before 2.10.20 goes back by one when a message that is due again meets nothing but requests of processes that have
    /// gone: what it delivered last is delivered once more, and said to be new. New ones come in their order, so that here it shows in one
    /// of two ways: it is not newer than what came before, or it is what comes first after nothing was asked for, and not the delivery that
    /// follows that of the newest.</summary>
    private bool IsDoubtful(JetStreamWorkDelivery delivery)
    {
        var doubtful = delivery.Deliveries == 1 && (delivery.Sequence <= _newest || (_askedAnew && delivery.Ordinal != _ordinal + 1));
        _askedAnew &= delivery.Deliveries > 1;
        if (delivery.Sequence > _newest)
            (_newest, _ordinal) = (delivery.Sequence, delivery.Deliveries == 1 ? delivery.Ordinal : 0);
        return doubtful;
    }
}
