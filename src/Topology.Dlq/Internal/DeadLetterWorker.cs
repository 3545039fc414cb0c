using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Topology.Retry;

namespace Topology.Dlq.Internal;

/// <summary>Runs one loop per queue that has a processor, and starts it again when it breaks.</summary>
/// <remarks>One letter at a time per queue: a letter that ends the process must not use up the tries of its neighbours.</remarks>
internal sealed class DeadLetterWorker(
    IDeadLetterQueueProvider provider,
    DeadLetterQueues queues,
    IOptions<DeadLetterOptions> options,
    IEnumerable<DeadLetterProcessorRegistration> registrations,
    IServiceScopeFactory scopes,
    IRetryPolicies policies,
    DeadLetterMetrics metrics,
    LoopBeats beats,
    TimeProvider time,
    ILogger<DeadLetterWorker> logger,
    IHostApplicationLifetime? lifetime = null) : BackgroundService
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _abandon = new();
    private readonly LetterProcessing _processing = new(provider, scopes, policies, metrics, time, logger);

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // Stops receiving now; the letter in hand may finish until the host stops waiting.
        using var registration = cancellationToken.Register(_abandon.Cancel);
        await base.StopAsync(cancellationToken).ConfigureAwait(false);
    }

    public override void Dispose()
    {
        _abandon.Cancel();
        base.Dispose();
        _abandon.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.ProcessLetters)
            return;

        // The host tells that it stops before it stops its services: nothing new is taken from then on.
        using var pulling = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, lifetime?.ApplicationStopping ?? CancellationToken.None);

        var byQueue = registrations.ToDictionary(registration => registration.Queue, StringComparer.Ordinal);
        var loops = new List<Task>();
        foreach (var queue in queues.Names)
        {
            if (byQueue.TryGetValue(queue, out var registration))
                loops.Add(SuperviseAsync(registration, queues[queue].Consumer ?? new() { Name = "dlq-processor" }, pulling.Token));
            else if (queues[queue].Consumer is null)
                loops.Add(SuperviseAsync(AlertOnly(queue), AlertConsumer, pulling.Token));
        }

        await Task.WhenAll(loops).ConfigureAwait(false);
    }

    // Enough tries to outlast an alert sink that is away for an hour and a half.
    internal static DeadLetterConsumerOptions AlertConsumer { get; } = new() { Name = "dlq-alerts", MaxDeliver = 100 };

    private static DeadLetterProcessorRegistration AlertOnly(string queue) =>
        new(queue, typeof(AlertOnlyProcessor), services => ActivatorUtilities.CreateInstance<AlertOnlyProcessor>(services));

    private async Task SuperviseAsync(
        DeadLetterProcessorRegistration registration, DeadLetterConsumerOptions consumer, CancellationToken stoppingToken)
    {
        await Task.Yield();
        using var beat = beats.Begin($"The processor loop of {registration.Queue}");
        Log.LoopStarted(logger, registration.Queue, consumer.Name);
        var failures = 0;
        var complaint = new Complaint();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ReceiveAsync(registration, consumer, beat, stoppingToken).ConfigureAwait(false);
                failures = 0;
                complaint.Over();
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                var pause = policies.Get(RetryProfileNames.Default).NextDelay(++failures, TimeSpan.Zero);
                if (pause > LongestPause)
                    pause = LongestPause;
                var level = complaint.Level(LogLevel.Error, error);
                Log.LoopFailed(logger, level, error, registration.Queue, pause);
                beat.Within(LoopBeats.LongestSilence);
                // The queue could not be read: asked again later each time, not in a tight loop. The loop itself sees that the host stops.
                await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Processes letters until there was none for a while.</summary>
    private async ValueTask ReceiveAsync(
        DeadLetterProcessorRegistration registration, DeadLetterConsumerOptions consumer, LoopBeat beat, CancellationToken stoppingToken)
    {
        // The client waits for a server that is away without end.
        using var call = new CancellationTokenSource(LoopBeats.LongestCall, time);
        using var receiving = CancellationTokenSource.CreateLinkedTokenSource(call.Token, stoppingToken);
        beat.Within(LoopBeats.LongestSilence);
        await foreach (var delivery in provider.ReceiveAsync(registration.Queue, consumer, receiving.Token).ConfigureAwait(false))
        {
            call.CancelAfter(Timeout.InfiniteTimeSpan);
            beat.Within(consumer.MaxProcessingTime + (2 * LoopBeats.LongestSilence));
            await _processing.ProcessAsync(registration, consumer, delivery, _abandon.Token).ConfigureAwait(false);
            if (stoppingToken.IsCancellationRequested)
                return;
            call.CancelAfter(LoopBeats.LongestCall);
            beat.Within(LoopBeats.LongestSilence);
        }
    }
}
