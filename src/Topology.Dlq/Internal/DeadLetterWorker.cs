using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Topology.Retry;

namespace Topology.Dlq.Internal;

/// <summary>Runs one loop per queue that has a processor, and starts it again when it breaks.</summary>
/// <remarks>
/// One letter at a time per queue: a letter that ends the process must not use up the tries of its neighbours. Every try is written down
/// before it begins, so a crash counts.
/// </remarks>
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
                var pause = Delay(++failures);
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
            await ProcessAsync(registration, consumer, delivery).ConfigureAwait(false);
            if (stoppingToken.IsCancellationRequested)
                return;
            call.CancelAfter(LoopBeats.LongestCall);
            beat.Within(LoopBeats.LongestSilence);
        }
    }

    private async ValueTask ProcessAsync(
        DeadLetterProcessorRegistration registration, DeadLetterConsumerOptions consumer, IDeadLetterDelivery delivery)
    {
        using var call = new CancellationTokenSource(LoopBeats.LongestCall, time);
        using var any = CancellationTokenSource.CreateLinkedTokenSource(call.Token, _abandon.Token);
        var cancellationToken = any.Token;
        var letter = delivery.Letter;
        var mark = await provider.ReadMarkAsync(letter.Queue, letter.Id, cancellationToken).ConfigureAwait(false);
        if (mark.Closed is not null)
        {
            await provider.RemoveAsync(letter.Queue, letter.Id, cancellationToken).ConfigureAwait(false);
            await delivery.SettleAsync(cancellationToken).ConfigureAwait(false);
            return;
        }

        if (mark.Parked is not null)
        {
            await delivery.SettleAsync(cancellationToken).ConfigureAwait(false);
            return;
        }

        if (registration.FirstDelayProfile is { } profile && mark.ProcessorStarts == 0)
        {
            var wait = letter.LastFailedAt + policies.Get(profile).NextDelay(1, TimeSpan.Zero) - time.GetUtcNow();
            if (wait > TimeSpan.Zero)
            {
                await delivery.PutBackAsync(wait, cancellationToken).ConfigureAwait(false);
                return;
            }
        }

        DeadLetterVerdict verdict;
        if (mark.ProcessorStarts >= consumer.MaxDeliver)
        {
            verdict = DeadLetterVerdict.Park("processor-gave-no-verdict");
        }
        else
        {
            mark = await provider.UpdateMarkAsync(mark, current => current with { ProcessorStarts = current.ProcessorStarts + 1 }, cancellationToken)
                .ConfigureAwait(false);
            call.CancelAfter(Timeout.InfiniteTimeSpan);
            verdict = await RunAsync(registration, consumer, delivery, mark).ConfigureAwait(false);
            call.CancelAfter(LoopBeats.LongestCall);
            if (verdict.Kind == DeadLetterVerdictKind.RetryAfter && mark.ProcessorStarts >= consumer.MaxDeliver)
                verdict = DeadLetterVerdict.Park("processor-failed");

            // The processor's steps were written into the mark meanwhile.
            mark = await provider.ReadMarkAsync(letter.Queue, letter.Id, cancellationToken).ConfigureAwait(false);
        }

        await ApplyAsync(delivery, mark, verdict, cancellationToken).ConfigureAwait(false);
        metrics.Processed(letter.Queue, verdict.Kind);
    }

    private async ValueTask ApplyAsync(
        IDeadLetterDelivery delivery, DeadLetterMark mark, DeadLetterVerdict verdict, CancellationToken cancellationToken)
    {
        switch (verdict.Kind)
        {
            case DeadLetterVerdictKind.RetryAfter:
                await delivery.PutBackAsync(verdict.Delay, cancellationToken).ConfigureAwait(false);
                return;
            case DeadLetterVerdictKind.Done:
                await provider.CloseAsync(mark, "done", cancellationToken).ConfigureAwait(false);
                break;
            case DeadLetterVerdictKind.Discard:
                await provider.CloseAsync(mark, $"discarded: {verdict.Reason}", cancellationToken).ConfigureAwait(false);
                break;
            default:
                var reason = verdict.Reason ?? "no verdict";
                await provider.UpdateMarkAsync(
                    mark, current => current.Closed is not null || current.Parked is not null ? current : current with { Parked = reason }, cancellationToken)
                    .ConfigureAwait(false);
                Log.Parked(logger, mark.Queue, mark.Id, reason);
                break;
        }

        await delivery.SettleAsync(cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<DeadLetterVerdict> RunAsync(
        DeadLetterProcessorRegistration registration,
        DeadLetterConsumerOptions consumer,
        IDeadLetterDelivery delivery,
        DeadLetterMark mark)
    {
        using var limit = new CancellationTokenSource(consumer.MaxProcessingTime, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _abandon.Token);
        var cancellationToken = stop.Token;
        using var finished = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var renewing = RenewAsync(delivery, consumer.AckWait / 3, finished.Token);
        using var span = DeadLetterTracing.Process(delivery.Letter, mark.ProcessorStarts);
        try
        {
            var scope = scopes.CreateAsyncScope();
            await using var disposal = scope.ConfigureAwait(false);
            var processor = registration.Create(scope.ServiceProvider);
            var context = new DeadLetterContext(provider, delivery.Letter.With(mark), mark, consumer.MaxDeliver);
            return await processor.ProcessAsync(context, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (!_abandon.IsCancellationRequested)
        {
            DeadLetterTracing.Fail(span, error);
            Log.ProcessorFailed(logger, error, mark.Queue, mark.Id, mark.ProcessorStarts, consumer.MaxDeliver);
            return DeadLetterVerdict.RetryAfter(Delay(mark.ProcessorStarts));
        }
        finally
        {
            await finished.CancelAsync().ConfigureAwait(false);
            await renewing.ConfigureAwait(false);
        }
    }

    private async Task RenewAsync(IDeadLetterDelivery delivery, TimeSpan every, CancellationToken finished)
    {
        while (true)
        {
            // The end of the handling ends the pause without an exception: it is the ordinary end.
            await Task.Delay(every, time, finished).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (finished.IsCancellationRequested)
                return;
            try
            {
                await delivery.RenewAsync(finished).ConfigureAwait(false);
            }
            catch (Exception error) when (!finished.IsCancellationRequested)
            {
                Log.RenewFailed(logger, error, delivery.Letter.Queue, delivery.Letter.Id);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private TimeSpan Delay(int failures) => policies.Get(RetryProfileNames.Default).NextDelay(failures, TimeSpan.Zero);
}
