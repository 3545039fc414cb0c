using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Topology.Retry;

namespace Topology.Dlq.Internal;

/// <summary>Takes messages from a work stream, as many as it has room for, and sees to it that each is guarded until it is settled.</summary>
internal sealed class GuardedConsumer(
    string name,
    GuardedConsumerOptions options,
    IWorkSource source,
    WorkGuard guard,
    DeadLetterMetrics metrics,
    LoopBeats beats,
    TimeProvider time,
    ILogger<GuardedConsumer> logger,
    IHostApplicationLifetime? lifetime = null) : BackgroundService
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan GivingBack = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _abandon = new();
    private long _lastPull;

    public static GuardedConsumer Create(
        IServiceProvider services,
        string name,
        GuardedConsumerOptions options,
        IWorkSource source,
        IDeadLetterQueueProvider provider,
        Func<IServiceProvider, IWorkHandler> createHandler)
    {
        var policy = services.GetRequiredService<IRetryPolicies>().Get(options.RetryProfile);
        var metrics = services.GetRequiredService<DeadLetterMetrics>();
        var time = services.GetRequiredService<TimeProvider>();
        var logger = services.GetRequiredService<ILogger<GuardedConsumer>>();
        var queues = services.GetRequiredService<DeadLetterQueues>();
        var transfer = new WorkTransfer(
            name,
            options,
            policy.MaxAttempts,
            queues[options.Queue],
            provider,
            new DeadLetterPublisher(provider, queues, metrics),
            services.GetRequiredService<AlertSender>(),
            metrics,
            time,
            logger);
        var guard = new WorkGuard(
            name, options, source, provider, transfer, policy, createHandler, services.GetRequiredService<IServiceScopeFactory>(), metrics, time, logger);
        return new(
            name, options, source, guard, metrics, services.GetRequiredService<LoopBeats>(), time, logger, services.GetService<IHostApplicationLifetime>());
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // A handler ends at its limit, and then its verdict needs the server: one that stays away holds no host that waits without end.
        using var longest = new CancellationTokenSource(options.MaxProcessingTime + LoopBeats.LongestCall, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(longest.Token, cancellationToken);
        using var registration = either.Token.Register(_abandon.Cancel);
        await base.StopAsync(either.Token).ConfigureAwait(false);

        // Handlers that were told to stop give their messages back; one that ignores it is left behind.
        // The host's own token does for no limit here: it has run out when handlers are told to stop.
        if (ExecuteTask is { IsCompleted: false } ending)
            await Task.WhenAny(ending, Task.Delay(GivingBack, time, CancellationToken.None)).ConfigureAwait(false);
    }

    public override void Dispose()
    {
        _abandon.Cancel();
        base.Dispose();
        _abandon.Dispose();
        guard.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();

        // The host tells that it stops before it stops its services: nothing new is taken from then on.
        using var pulling = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, lifetime?.ApplicationStopping ?? CancellationToken.None);
        Volatile.Write(ref _lastPull, time.GetTimestamp());
        metrics.Watch(name, () => time.GetElapsedTime(Volatile.Read(ref _lastPull)));
        using var finished = new CancellationTokenSource();
        var abandon = _abandon.Token;
        var inHand = new WorkInHand(name, options, held => guard.GuardAsync(held, abandon), beats, time, logger);
        var renewing = inHand.RenewAsync(finished.Token);
        await PullAsync(inHand, pulling.Token).ConfigureAwait(false);

        // Leases are kept while the last handlers finish.
        await inHand.Down(to: 0).ConfigureAwait(false);
        await finished.CancelAsync().ConfigureAwait(false);
        await renewing.ConfigureAwait(false);
    }

    private async ValueTask PullAsync(WorkInHand inHand, CancellationToken stoppingToken)
    {
        using var beat = beats.Begin($"The pulling loop of guarded consumer {name}");
        var failures = 0;
        var complaint = new Complaint();
        while (!stoppingToken.IsCancellationRequested)
        {
            beat.Within(LoopBeats.LongestSilence);
            try
            {
                using var call = new CancellationTokenSource(LoopBeats.LongestCall, time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(call.Token, stoppingToken);
                guard.Letters = new LetterIds(options.Stream, await source.OpenAsync(either.Token).ConfigureAwait(false), name);
                Log.GuardStarted(logger, name, options.Stream);
                while (!stoppingToken.IsCancellationRequested)
                {
                    // The client waits for a server that is away without end.
                    call.CancelAfter(LoopBeats.LongestCall);
                    beat.Within(LoopBeats.LongestSilence);
                    await TakeAsync(inHand, either.Token).ConfigureAwait(false);
                    failures = 0;
                    complaint.Over();
                }
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                // The stop that was asked for.
            }
            catch (Exception error)
            {
                var pause = TimeSpan.FromSeconds(Math.Min(1 << Math.Min(failures++, 5), LongestPause.TotalSeconds));
                var level = complaint.Level(LogLevel.Error, error);
                Log.GuardFailed(logger, level, error, name, pause);
                beat.Within(LoopBeats.LongestSilence);
                // The stream could not be read: asked again later each time, not in a tight loop. The loop itself sees that the host stops.
                await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        await source.CloseAsync().ConfigureAwait(false);
    }

    private async ValueTask TakeAsync(WorkInHand inHand, CancellationToken cancellationToken)
    {
        var most = guard.TriesOneAtATime ? 1 : options.Prefetch;
        var batch = Math.Max(1, most / 4);
        if (source.Asked == 0 && most - inHand.Count < batch)
        {
            await inHand.Down(to: most - batch).WaitAsync(TimeSpan.FromSeconds(1), time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }

        Volatile.Write(ref _lastPull, time.GetTimestamp());
        await foreach (var delivery in source.FetchAsync(Math.Max(0, most - inHand.Count), cancellationToken).ConfigureAwait(false))
            inHand.Take(delivery);
    }
}
