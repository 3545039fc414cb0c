using System.Text.Json;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Platform.ServiceDefaults;
using Platform.ServiceDefaults.Messages;

namespace Platform.Realtime;

/// <summary>Reads the states of all runs as they are published, and goes on after an interruption where it was.</summary>
internal sealed partial class StateFeed(INatsConnection connection, TopicHub hub, TimeProvider time, ILogger<StateFeed> logger) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private ulong? _last;

    /// <summary>Gets whether nothing can be missed any more: what a client reads first and what it is told then leave no gap.</summary>
    public bool IsReading { get; private set; }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ReadAsync(new NatsJSContext(connection), stoppingToken);
            }
            catch (Exception error) when (!stoppingToken.IsCancellationRequested)
            {
                LogInterrupted(logger, error.GetType().Name, _last);
                // A server that is away is asked once a second, not in a tight loop; the loop itself sees that the host stops.
                await Task.Delay(Pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ReadAsync(NatsJSContext context, CancellationToken cancellationToken)
    {
        var stream = await context.GetStreamAsync(PlatformNames.RunStateStream, cancellationToken: cancellationToken);
        if (_last is null || _last > (ulong)stream.Info.State.LastSeq)
        {
            _last = (ulong)stream.Info.State.LastSeq; // begun, or begun anew because the stream was
        }

        IsReading = true;
        var consumer = await context.CreateOrderedConsumerAsync(
            PlatformNames.RunStateStream,
            new NatsJSOrderedConsumerOpts { DeliverPolicy = ConsumerConfigDeliverPolicy.ByStartSequence, OptStartSeq = _last.Value + 1 },
            cancellationToken);
        await foreach (var message in consumer.ConsumeAsync(NatsRawSerializer<byte[]>.Default, cancellationToken: cancellationToken))
        {
            if (message.Metadata is not { } metadata || message.Data is not { } json)
            {
                continue;
            }

            _last = metadata.Sequence.Stream;
            if (JsonSerializer.Deserialize(json, PlatformJson.Default.RunState) is { } state)
            {
                hub.Publish(RunTopics.OfSubject(message.Subject), new StateFrame(metadata.Sequence.Stream, state.IsFinal, json));
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "Reading states was interrupted by {Error} after {Sequence}; it goes on from there")]
    private static partial void LogInterrupted(ILogger logger, string error, ulong? sequence);
}
