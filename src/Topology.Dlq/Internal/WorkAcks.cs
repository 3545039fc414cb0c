using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Topology.Dlq.Internal;

/// <summary>Sends the acknowledgements of one consumer one after another, whoever gives them: whoever comes while one is being sent leaves its
/// own to that sender. Waiting for each other at the connection would cost more than a message does. Thread safe.</summary>
/// <remarks>A sent acknowledgement is not a confirmed one in any case. When whoever gave one has gone on, it was sent or another that has not
/// gone on is about to send it: none is left when all have.</remarks>
internal sealed class WorkAcks(Func<JetStreamWorkDelivery, ValueTask> send, string consumer, ILogger logger)
{
    private readonly ConcurrentQueue<JetStreamWorkDelivery> _waiting = new();
    private int _sending;

    public ValueTask SendAsync(JetStreamWorkDelivery delivery)
    {
        _waiting.Enqueue(delivery);
        return Interlocked.Exchange(ref _sending, 1) == 0 ? SendAllAsync() : ValueTask.CompletedTask;
    }

    private async ValueTask SendAllAsync()
    {
        do
        {
            while (_waiting.TryDequeue(out var next))
            {
                try
                {
                    await send(next).ConfigureAwait(false);
                }
                catch (Exception error)
                {
                    Log.NoVerdict(logger, error, consumer, next.Sequence);
                }
            }

            Interlocked.Exchange(ref _sending, 0);
        }
        while (!_waiting.IsEmpty && Interlocked.Exchange(ref _sending, 1) == 0);
    }
}
