using NATS.Client.Core;
using Platform.ServiceDefaults;

namespace Platform.Realtime;

/// <summary>Passes on the text that runs write. Live only: nobody keeps it, and whoever comes later gets the state.</summary>
internal sealed class DeltaFeed(INatsConnection connection, TopicHub hub) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var message in connection.SubscribeAsync(
            PlatformNames.RunDeltaSubjects, serializer: NatsRawSerializer<byte[]>.Default, cancellationToken: stoppingToken))
        {
            hub.PublishText(RunTopics.OfSubject(message.Subject), message.Data);
        }
    }
}
