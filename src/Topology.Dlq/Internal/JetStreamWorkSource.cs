using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Topology.Dlq.Internal;

internal sealed class JetStreamWorkSource(
    string name, GuardedConsumerOptions options, JetStreamTopology topology, TimeProvider time, ILogger logger) : IWorkSource
{
    // Places that are freed meanwhile are asked for when this is over.
    private static readonly TimeSpan PullTime = TimeSpan.FromSeconds(5);

    private readonly DelayedWork _delayed = new(name, options, topology, time, logger);
    private INatsJSConsumer? _consumer;

    public async ValueTask<DateTimeOffset> OpenAsync(CancellationToken cancellationToken)
    {
        // After an interruption: what was there may be gone.
        topology.Forget(options.Queue);
        _delayed.Forget();
        (_consumer, var created) = await JetStreamErrors.WrapAsync(options.Queue, () => topology.EnsureWorkAsync(name, options, cancellationToken))
            .ConfigureAwait(false);
        return created;
    }

    public ValueTask<bool> TrySetAsideAsync(IWorkDelivery delivery, string letterId, int tries, TimeSpan delay, CancellationToken cancellationToken) =>
        _delayed.TryAddAsync(delivery, letterId, tries, delay, cancellationToken);

    public async IAsyncEnumerable<IWorkDelivery> FetchAsync(int count, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // A fetch with a cancelled token still reserves messages (nats.net issue 1066).
        cancellationToken.ThrowIfCancellationRequested();
        await foreach (var copy in _delayed.FetchAsync(count, cancellationToken).ConfigureAwait(false))
        {
            count--;
            yield return copy;
        }

        if (count == 0)
            yield break;
        var opts = new NatsJSFetchOpts { MaxMsgs = count, Expires = PullTime };
        await foreach (var message in _consumer!.FetchAsync(opts, NatsRawSerializer<byte[]>.Default, cancellationToken).ConfigureAwait(false))
        {
            if (message.Metadata is { } metadata)
                yield return new Delivery(message, metadata);
        }
    }

    private sealed class Delivery(INatsJSMsg<byte[]> message, NatsJSMsgMetadata metadata) : IWorkDelivery
    {
        public string Subject => message.Subject;

        public ReadOnlyMemory<byte> Body => message.Data;

        public NatsHeaders? Headers => message.Headers;

        public ulong Sequence => metadata.Sequence.Stream;

        public DateTimeOffset StoredAt => metadata.Timestamp;

        public ulong Deliveries => metadata.NumDelivered;

        public ValueTask AckAsync(CancellationToken cancellationToken) => message.AckAsync(cancellationToken: cancellationToken);

        public ValueTask NakAsync(TimeSpan delay, CancellationToken cancellationToken) =>
            message.NakAsync(new AckOpts { NakDelay = delay }, cancellationToken);

        public ValueTask RenewAsync(CancellationToken cancellationToken) => message.AckProgressAsync(cancellationToken: cancellationToken);
    }
}
