using System.Buffers;

namespace Platform.Realtime;

/// <summary>
/// What waits for one slow client: the latest state of each topic, every final state, text put together. <c>drop_intermediate</c> drops
/// what a later state of the same topic replaces, and nothing else; a plain bounded queue would let one busy topic push out the only
/// message of ninety-nine quiet ones.
/// </summary>
/// <remarks>Any number of threads offer, one takes. Bounded: a state and a text buffer per topic, and <c>maxTerminals</c> final states.</remarks>
internal sealed class ConflatingOutbox(int maxTerminals, int maxText = 16 * 1024) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _news = new(0, 1);
    private OutboxTopic? _head;
    private OutboxTopic? _tail;
    private int _terminals;
    private bool _overflown;
    private bool _disposed;

    /// <summary>Gets whether more final states wait than may: the client is too slow to be told the truth, and has to come back.</summary>
    public bool IsOverflown
    {
        get
        {
            lock (_lock)
            {
                return _overflown;
            }
        }
    }

    /// <summary>Offers a state of a topic. One that is not newer than what was offered before is left out.</summary>
    public void Offer(OutboxTopic topic, StateFrame frame)
    {
        lock (_lock)
        {
            if (frame.Sequence <= topic.Offered || _overflown || _disposed)
            {
                return;
            }

            topic.Offered = frame.Sequence;
            if (topic.Latest is not null)
            {
                topic.Skipped++;
            }

            topic.Latest = frame.IsTerminal ? null : frame;
            if (frame.IsTerminal)
            {
                _overflown = ++_terminals > maxTerminals;
                (topic.Terminals ??= new(1)).Enqueue(frame);
            }

            Queue(topic);
        }
    }

    /// <summary>Offers text of a topic. Beyond the bound it is thrown away and the client is told that it was.</summary>
    public void OfferText(OutboxTopic topic, ReadOnlySpan<byte> text)
    {
        lock (_lock)
        {
            if (_overflown || _disposed)
            {
                return;
            }

            topic.Delta ??= new ArrayBufferWriter<byte>(Math.Max(text.Length, 256));
            topic.LostText |= topic.Delta.WrittenCount + text.Length > maxText;
            if (topic.LostText)
            {
                topic.Delta.ResetWrittenCount();
            }
            else
            {
                topic.Delta.Write(text);
            }

            Queue(topic);
        }
    }

    /// <summary>Takes the next thing to send: topics in turn, text before states, states in their order.</summary>
    public bool TryTake(out OutboxItem item)
    {
        lock (_lock)
        {
            if (_head is not { } topic)
            {
                item = default;
                return false;
            }

            _head = topic.Next;
            _tail = _head is null ? null : _tail;
            (topic.Next, topic.IsQueued) = (null, false);
            item = Take(topic);
            if (!topic.IsEmpty)
            {
                Queue(topic);
            }

            return true;
        }
    }

    /// <summary>Waits until there may be something to take.</summary>
    public Task WaitAsync(CancellationToken cancellationToken) => _news.WaitAsync(cancellationToken);

    /// <summary>Ends it: whoever still offers, offers to nobody.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _news.Dispose();
        }
    }

    private OutboxItem Take(OutboxTopic topic)
    {
        if (topic.LostText)
        {
            topic.LostText = false;
            return new OutboxItem(topic.Name, null, 0, null);
        }

        if (topic.Delta is { WrittenCount: > 0 } delta)
        {
            var text = delta.WrittenSpan.ToArray();
            delta.ResetWrittenCount();
            return new OutboxItem(topic.Name, null, 0, text);
        }

        var (frame, skipped) = (topic.Latest, topic.Skipped);
        if (topic.Terminals is { Count: > 0 } terminals)
        {
            frame = terminals.Dequeue();
            _terminals--;
        }
        else
        {
            topic.Latest = null;
        }

        topic.Skipped = 0;
        return new OutboxItem(topic.Name, frame, skipped, null);
    }

    private void Queue(OutboxTopic topic)
    {
        if (topic.IsQueued)
        {
            return;
        }

        topic.IsQueued = true;
        if (_tail is null)
        {
            _head = topic;
        }
        else
        {
            _tail.Next = topic;
        }

        _tail = topic;
        if (_news.CurrentCount == 0)
        {
            _news.Release();
        }
    }
}
