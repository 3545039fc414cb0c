using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Topology.Saga.JetStream.Internal;

/// <summary>Takes the items of one definition from its consumer, never more than there are free slots.</summary>
internal sealed class SagaItems(
    string definition, SagaStore store, SagaStreams streams, SagaNews news, SagaLeases leases, TimeProvider time, ILogger logger, Action<SagaLease> began, Action<SagaLease> ended)
{
    private const int LeastAtOnce = 16;
    private static readonly TimeSpan _wait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _pauseWhenFull = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan _unreadable = TimeSpan.FromMinutes(1);

    private SagaPull? _pull;

    public async Task TakeAsync(Channel<SagaLease?> to, Func<int> free, CancellationToken cancellationToken)
    {
        // The reader looks whether its loops are alive whenever something comes.
        if (to.Reader.Count == 0)
        {
            to.Writer.TryWrite(null);
        }

        try
        {
            _pull ??= await store.CallAsync(definition, OpenAsync, cancellationToken).ConfigureAwait(false);
            var more = free() - _pull.Asked;

            // In batches: a request for each slot that becomes free would cost more than the items.
            if (more > 0 && (more >= LeastAtOnce || _pull.Asked == 0))
            {
                await _pull.AskAsync(more, cancellationToken).ConfigureAwait(false);
            }
            else if (_pull.Asked == 0)
            {
                // Every slot is taken and nothing is asked for. The count of free slots is only read: nobody tells when one becomes free.
                await Task.Delay(_pauseWhenFull, time, cancellationToken).ConfigureAwait(false);
                return;
            }

            foreach (var message in await _pull.ReadAsync(_wait, cancellationToken).ConfigureAwait(false))
            {
                if (SagaDelivery.Parse(message.ReplyTo) is { } delivery && await ReadAsync(message, delivery, cancellationToken).ConfigureAwait(false) is { } lease)
                {
                    began(lease);
                    to.Writer.TryWrite(lease);
                }
            }
        }
        catch (Exception failure) when (SagaErrors.IsAway(failure) || failure is SagaStoreException)
        {
            streams.Forget();
            await CloseAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask CloseAsync()
    {
        if (Interlocked.Exchange(ref _pull, null) is { } pull)
        {
            try
            {
                await pull.DisposeAsync().ConfigureAwait(false);
            }
            catch (Exception failure) when (SagaErrors.IsAway(failure))
            {
                // What came and was not taken comes again.
            }
        }
    }

    private async ValueTask<SagaPull> OpenAsync(CancellationToken cancellationToken)
    {
        await streams.EnsureConsumerAsync(definition, cancellationToken).ConfigureAwait(false);
        return new(streams.Context, streams.Subjects.ItemStream, SagaSubjects.Consumer(definition), time);
    }

    private async ValueTask<SagaLease?> ReadAsync(NatsJSMsg<byte[]> message, SagaDelivery delivery, CancellationToken cancellationToken)
    {
        try
        {
            var id = new SagaId(definition, SagaStore.IdOf(message.Subject, message.Headers));
            SagaStart? start = null;
            if (message.Subject.EndsWith(".start", StringComparison.Ordinal))
            {
                var stored = new StoredMessage(message.Subject, delivery.Sequence, delivery.StoredAt, message.Headers, message.Data ?? []);
                start = SagaCodec.ReadStart(id, await store.BodyAsync(streams.Subjects.ItemStream, stored, cancellationToken).ConfigureAwait(false));
            }

            return new SagaLease(
                message, delivery, id, start, StoredMessage.Find(message.Headers, SagaTimers.StepHeader), news, leases, time.GetTimestamp(), ended);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            Log.Unreadable(logger, failure, delivery.Sequence, streams.Subjects.ItemStream);
            await message.NakAsync(new AckOpts { NakDelay = _unreadable }, cancellationToken).ConfigureAwait(false);
            return null;
        }
    }
}
