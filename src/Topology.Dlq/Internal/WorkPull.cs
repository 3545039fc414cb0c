using System.Globalization;
using System.Text;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Topology.Dlq.Internal;

/// <summary>Messages of one consumer over one subscription, asked for ahead of time. Used by one loop.</summary>
/// <remarks>
/// The client's own ways do not fit: a fetch subscribes anew for each batch and waits a round trip between two, and its endless consumer
/// takes more while what it holds is neither handled nor renewed. Here no more is under way than its caller has places for.
/// </remarks>
internal sealed class WorkPull : IAsyncDisposable
{
    /// <summary>How long the server keeps a request. It ends by itself, so one that was lost costs no longer.</summary>
    private static readonly TimeSpan RequestTime = TimeSpan.FromSeconds(5);

    private readonly NatsJSContext _context;
    private readonly TimeProvider _time;
    private readonly string _subject;
    private readonly string _inbox;
    private INatsSub<byte[]> _subscription = null!;
    private Task<bool>? _next;
    private (string? Server, ulong? Client) _session;
    private long _lastAsked;

    private WorkPull(NatsJSContext context, string stream, string consumer, TimeProvider time)
    {
        _context = context;
        _time = time;
        _subject = $"{context.Opts.Prefix}.CONSUMER.MSG.NEXT.{stream}.{consumer}";

        // Not one of the connection's own: answers to those are told apart by their subject, and a message keeps its stream's.
        _inbox = context.NewBaseInbox();
    }

    /// <summary>Gets how many messages are asked for and have not come.</summary>
    public int Asked { get; private set; }

    public static async ValueTask<WorkPull> OpenAsync(NatsJSContext context, string stream, string consumer, TimeProvider time, CancellationToken cancellationToken)
    {
        var pull = new WorkPull(context, stream, consumer, time);
        pull._subscription = await context.Connection.SubscribeCoreAsync(
            pull._inbox, serializer: NatsRawSerializer<byte[]>.Default, cancellationToken: cancellationToken).ConfigureAwait(false);
        return pull;
    }

    /// <summary>Asks for more messages.</summary>
    public async ValueTask AskAsync(int count, CancellationToken cancellationToken)
    {
        (_session, _lastAsked) = (Session, _time.GetTimestamp());
        Asked += count;
        await _context.Connection.PublishAsync(
            _subject,
            Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$"""{"batch":{{count}},"expires":{{RequestTime.Ticks * 100}}}""")),
            replyTo: _inbox,
            serializer: NatsRawSerializer<byte[]>.Default,
            cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits until there is something to read, for a while.</summary>
    public async ValueTask WaitAsync(TimeSpan while_, CancellationToken cancellationToken)
    {
        // One wait goes on over many calls: the reader keeps every one that was given up.
        _next ??= _subscription.Msgs.WaitToReadAsync(CancellationToken.None).AsTask();
        if (!_next.IsCompleted)
            await ((Task)_next).WaitAsync(while_, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        if (_next.IsCompleted)
        {
            if (!await _next.ConfigureAwait(false))
                throw new NatsException("The subscription ended.");
            _next = null;
        }

        // The requests of an earlier connection are gone, and so is one whose end was told to nobody.
        if (_session != Session || _time.GetElapsedTime(_lastAsked) > RequestTime + RequestTime)
            Asked = 0;
    }

    /// <summary>Takes a message that is here.</summary>
    /// <exception cref="NatsException">The consumer does not answer any longer.</exception>
    public bool TryRead(out NatsMsg<byte[]> message)
    {
        while (_subscription.Msgs.TryRead(out message))
        {
            if (message.Headers is not { Code: > 0 and var code } status)
            {
                Asked -= Math.Min(Asked, 1);
                return true;
            }

            switch (code)
            {
                case 100: // a heartbeat
                    break;
                case 404 or 408:
                    // A request is over. The server serves all of them in turns, so that only it knows how much of this one was left.
                    Asked -= Math.Min(Asked, LeftOf(status));
                    break;
                default:
                    throw new NatsException($"A request for messages was answered with {code} {status.MessageText}.");
            }
        }

        return false;
    }

    /// <summary>Gives back what came and was not taken.</summary>
    public async ValueTask DisposeAsync()
    {
        await _subscription.DisposeAsync().ConfigureAwait(false);
        try
        {
            while (TryRead(out var message))
                await JetStreamWorkDelivery.GiveBackAsync(message).ConfigureAwait(false);
        }
        catch (NatsException)
        {
            // It comes back by itself.
        }
    }

    private (string?, ulong?) Session => (_context.Connection.ServerInfo?.Id, _context.Connection.ServerInfo?.ClientId);

    private int LeftOf(NatsHeaders status) =>
        status.TryGetValue("Nats-Pending-Messages", out var text) && int.TryParse(text.ToString(), CultureInfo.InvariantCulture, out var left) ? left : Asked;
}
