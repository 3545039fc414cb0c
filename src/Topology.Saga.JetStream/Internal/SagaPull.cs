using System.Globalization;
using System.Text;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Topology.Saga.JetStream.Internal;

/// <summary>Items of one consumer over one subscription, asked for as slots become free. Used by one loop.</summary>
/// <remarks>The client's fetch subscribes anew for each batch, and its endless consumer holds items that nobody renews.</remarks>
internal sealed class SagaPull : IAsyncDisposable
{
    private static readonly TimeSpan _expires = TimeSpan.FromSeconds(5);

    private readonly NatsJSContext _context;
    private readonly TimeProvider _time;
    private readonly string _request;
    private readonly string _inbox;
    private INatsSub<byte[]>? _subscription;
    private int _asked;
    private long _lastAsked;
    private (string? Server, ulong? Client) _session;

    public SagaPull(NatsJSContext context, string stream, string consumer, TimeProvider time)
    {
        (_context, _time) = (context, time);
        _request = $"{context.Opts.Prefix}.CONSUMER.MSG.NEXT.{stream}.{consumer}";
        _inbox = context.NewBaseInbox();
    }

    /// <summary>Gets how many items are asked for and may still come.</summary>
    public int Asked
    {
        get
        {
            // What was asked over an earlier connection is forgotten there, and so is a request whose end was told to nobody.
            if (_session != Session || _time.GetElapsedTime(_lastAsked) > _expires + _expires)
            {
                _asked = 0;
            }

            return _asked;
        }
    }

    private (string?, ulong?) Session => (_context.Connection.ServerInfo?.Id, _context.Connection.ServerInfo?.ClientId);

    public async ValueTask AskAsync(int count, CancellationToken cancellationToken)
    {
        _subscription ??= await _context.Connection.SubscribeCoreAsync(
            _inbox, serializer: NatsRawSerializer<byte[]>.Default, cancellationToken: cancellationToken).ConfigureAwait(false);
        _asked = Asked + count;
        (_session, _lastAsked) = (Session, _time.GetTimestamp());
        var body = string.Create(CultureInfo.InvariantCulture, $$"""{"batch":{{count}},"expires":{{_expires.Ticks * 100}}}""");
        await _context.Connection.PublishAsync(
            _request, Encoding.UTF8.GetBytes(body), replyTo: _inbox, serializer: NatsRawSerializer<byte[]>.Default, cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits for a while until something has come, and returns what has.</summary>
    /// <exception cref="NatsException">The consumer does not answer any longer.</exception>
    public async ValueTask<List<NatsJSMsg<byte[]>>> ReadAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        var items = new List<NatsJSMsg<byte[]>>();
        using var timeout = new CancellationTokenSource(atMost, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            if (!await _subscription!.Msgs.WaitToReadAsync(either.Token).ConfigureAwait(false))
            {
                throw new NatsException("The subscription for items has ended.");
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return items;
        }

        while (_subscription.Msgs.TryRead(out var message))
        {
            if (message.Headers is { Code: > 0 and var code } status)
            {
                if (code is 404 or 408)
                {
                    // A request is over. The server serves all of them in turns, so that only it knows how much of this one was left.
                    _asked -= Math.Min(_asked, LeftOf(status));
                }
                else if (code != 100)
                {
                    throw new NatsException($"A request for items was answered with {code} {status.MessageText}.");
                }
            }
            else
            {
                _asked -= Math.Min(_asked, 1);
                items.Add(new NatsJSMsg<byte[]>(message, _context));
            }
        }

        return items;
    }

    /// <summary>Stops, and gives back what came and was not taken.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_subscription is not { } subscription)
        {
            return;
        }

        await subscription.DisposeAsync().ConfigureAwait(false);
        while (subscription.Msgs.TryRead(out var message))
        {
            if (message.Headers is not { Code: > 0 })
            {
                await new NatsJSMsg<byte[]>(message, _context).NakAsync().ConfigureAwait(false);
            }
        }
    }

    private int LeftOf(NatsHeaders status) =>
        status.TryGetValue("Nats-Pending-Messages", out var text) && int.TryParse(text.ToString(), CultureInfo.InvariantCulture, out var left) ? left : _asked;
}
