using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Topology.Saga.JetStream.Internal;

/// <summary>Takes the items of one definition from its consumer, never more than there are free slots.</summary>
internal sealed class SagaItems(
    string definition, SagaStore store, SagaStreams streams, SagaNews news, TimeProvider time, ILogger logger, Action<SagaLease> began, Action<SagaLease> ended)
{
    private const int MostAtOnce = 100;
    private static readonly TimeSpan _pull = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _pauseWhenFull = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan _unreadable = TimeSpan.FromMinutes(1);

    private INatsJSConsumer? _consumer;

    public async Task TakeAsync(Channel<SagaLease?> to, Func<int> free, CancellationToken cancellationToken)
    {
        // The reader looks whether its loops are alive whenever something comes.
        if (to.Reader.Count == 0)
        {
            to.Writer.TryWrite(null);
        }

        var count = Math.Min(free(), MostAtOnce);
        if (count <= 0)
        {
            await Task.Delay(_pauseWhenFull, time, cancellationToken).ConfigureAwait(false);
            return;
        }

        try
        {
            _consumer ??= await store.CallAsync(definition, token => streams.EnsureConsumerAsync(definition, token), cancellationToken).ConfigureAwait(false);
            var opts = new NatsJSFetchOpts { MaxMsgs = count, Expires = _pull };
            await foreach (var message in _consumer.FetchAsync(opts, NatsRawSerializer<byte[]>.Default, cancellationToken).ConfigureAwait(false))
            {
                if (message.Metadata is { } metadata && await ReadAsync(message, metadata, cancellationToken).ConfigureAwait(false) is { } lease)
                {
                    began(lease);
                    to.Writer.TryWrite(lease);
                }
            }
        }
        catch (Exception failure) when (SagaErrors.IsAway(failure) || failure is SagaStoreException)
        {
            _consumer = null;
            streams.Forget();
            throw;
        }
    }

    private async ValueTask<SagaLease?> ReadAsync(INatsJSMsg<byte[]> message, NatsJSMsgMetadata metadata, CancellationToken cancellationToken)
    {
        try
        {
            var id = new SagaId(definition, SagaStore.IdOf(message.Subject, message.Headers));
            SagaStart? start = null;
            if (message.Subject.EndsWith(".start", StringComparison.Ordinal))
            {
                var stored = new StoredMessage(message.Subject, metadata.Sequence.Stream, metadata.Timestamp, message.Headers, message.Data ?? []);
                start = SagaCodec.ReadStart(id, await store.BodyAsync(streams.Subjects.ItemStream, stored, cancellationToken).ConfigureAwait(false));
            }

            return new SagaLease(
                message, metadata, id, start, StoredMessage.Find(message.Headers, SagaTimers.StepHeader), news, streams.Options.AckWait, time, ended);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            Log.Unreadable(logger, failure, metadata.Sequence.Stream, streams.Subjects.ItemStream);
            await message.NakAsync(new AckOpts { NakDelay = _unreadable }, cancellationToken).ConfigureAwait(false);
            return null;
        }
    }
}
