using NATS.Client.Core;
using Platform.ServiceDefaults;

namespace Platform.Realtime;

/// <summary>Passes on the text that runs write. Live only: nobody keeps it, and whoever comes later gets the state.</summary>
internal sealed partial class DeltaFeed(INatsConnection connection, TopicHub hub, TimeProvider time, ILogger<DeltaFeed> logger) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ReadAsync(stoppingToken);
            }
            catch (Exception error) when (!stoppingToken.IsCancellationRequested)
            {
                // A subscription outlives a lost connection, but none can be made before the first connection is.
                LogInterrupted(logger, error.GetType().Name);
                await Task.Delay(Pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ReadAsync(CancellationToken cancellationToken)
    {
        await foreach (var message in connection.SubscribeAsync(
            PlatformNames.RunDeltaSubjects, serializer: NatsRawSerializer<byte[]>.Default, cancellationToken: cancellationToken))
        {
            hub.PublishText(RunTopics.OfSubject(message.Subject), message.Data);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Reading text was interrupted by {Error}; what is written meanwhile is not passed on")]
    private static partial void LogInterrupted(ILogger logger, string error);
}
