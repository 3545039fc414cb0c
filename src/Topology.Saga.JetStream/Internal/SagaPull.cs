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
    private readonly LinkedList<(int Left, long At)> _asked = [];
    private INatsSub<byte[]>? _subscription;
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
            if (_session != Session)
            {
                _asked.Clear();
            }

            while (_asked.First is { Value.At: var at } && _time.GetElapsedTime(at) > _expires + _expires)
            {
                _asked.RemoveFirst();
            }

            return _asked.Sum(static request => request.Left);
        }
    }

    private (string?, ulong?) Session => (_context.Connection.ServerInfo?.Id, _context.Connection.ServerInfo?.ClientId);

    public async ValueTask AskAsync(int count, CancellationToken cancellationToken)
    {
        _subscription ??= await _context.Connection.SubscribeCoreAsync(
            _inbox, serializer: NatsRawSerializer<byte[]>.Default, cancellationToken: cancellationToken).ConfigureAwait(false);
        _session = Session;
        _asked.AddLast((count, _time.GetTimestamp()));
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
                    // The oldest request is over.
                    End(int.MaxValue);
                }
                else if (code != 100)
                {
                    throw new NatsException($"A request for items was answered with {code} {status.MessageText}.");
                }
            }
            else
            {
                End(1);
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

    private void End(int count)
    {
        if (_asked.First is { } oldest)
        {
            oldest.ValueRef.Left -= Math.Min(count, oldest.ValueRef.Left);
            if (oldest.ValueRef.Left == 0)
            {
                _asked.RemoveFirst();
            }
        }
    }
}
