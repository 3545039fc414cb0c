using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Topology.Retry;

namespace Topology.Dlq.Internal;

/// <summary>Takes messages from a work stream and sees to it that each ends in exactly one verdict, and never in silence.</summary>
/// <remarks>
/// What bounds tries is the mark, written before every start but the first and before the NAK after a failed one; never the server's
/// delivery count. A redelivery whose last start has no verdict is a suspect: it may have ended its process, so it runs alone.
/// </remarks>
internal sealed class GuardedConsumer(
    string name,
    GuardedConsumerOptions options,
    IWorkSource source,
    IDeadLetterQueueProvider provider,
    IDeadLetterPublisher publisher,
    RetryPolicy policy,
    Func<IServiceProvider, IWorkHandler> createHandler,
    IServiceScopeFactory scopes,
    AlertSender alerts,
    DeadLetterMetrics metrics,
    TimeProvider time,
    ILogger<GuardedConsumer> logger,
    IHostApplicationLifetime? lifetime = null) : BackgroundService
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan GivingBack = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RefusedPause = TimeSpan.FromSeconds(10);

    private readonly OutageCircuit _circuit = new(options.OutageThreshold, options.MaxOutage, time);
    private readonly SemaphoreSlim _places = new(options.Concurrency, options.Concurrency);
    private readonly SemaphoreSlim _alone = new(1, 1);
    private readonly ConcurrentDictionary<ulong, InHand> _inHand = new();
    private readonly CancellationTokenSource _abandon = new();
    private TaskCompletionSource _freed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private DateTimeOffset _created;
    private long _lastPull;

    private enum Ending
    {
        Verdict,
        Failed,
        Abandoned,
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        using var registration = cancellationToken.Register(_abandon.Cancel);
        await base.StopAsync(cancellationToken).ConfigureAwait(false);

        // Handlers that were told to stop give their messages back; one that ignores it is left behind.
        if (ExecuteTask is { IsCompleted: false } ending)
            await Task.WhenAny(ending, Task.Delay(GivingBack, time, CancellationToken.None)).ConfigureAwait(false);
    }

    public override void Dispose()
    {
        _abandon.Cancel();
        base.Dispose();
        _abandon.Dispose();
        _places.Dispose();
        _alone.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();

        // The host tells that it stops before it stops its services: nothing new is taken from then on.
        using var pulling = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, lifetime?.ApplicationStopping ?? CancellationToken.None);
        stoppingToken = pulling.Token;
        Volatile.Write(ref _lastPull, time.GetTimestamp());
        metrics.Watch(name, () => time.GetElapsedTime(Volatile.Read(ref _lastPull)));
        using var finished = new CancellationTokenSource();
        var renewing = RenewAsync(finished.Token);
        var failures = 0;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                _created = await source.OpenAsync(stoppingToken).ConfigureAwait(false);
                Log.GuardStarted(logger, name, options.Stream);
                while (!stoppingToken.IsCancellationRequested)
                {
                    await PullAsync(stoppingToken).ConfigureAwait(false);
                    failures = 0;
                }
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                // The stop that was asked for.
            }
            catch (Exception error)
            {
                var pause = TimeSpan.FromSeconds(Math.Min(1 << Math.Min(failures++, 5), LongestPause.TotalSeconds));
                Log.GuardFailed(logger, error, name, pause);
                await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        // Leases are kept while the last handlers finish.
        await Task.WhenAll(_inHand.Values.Select(held => held.Running)).ConfigureAwait(false);
        await finished.CancelAsync().ConfigureAwait(false);
        await renewing.ConfigureAwait(false);
    }

    private async ValueTask PullAsync(CancellationToken stoppingToken)
    {
        // In batches: asking for each freed place alone would cost a round trip per message.
        var wanted = Math.Max(1, options.Prefetch / 4);
        var freed = Volatile.Read(ref _freed).Task;
        var free = options.Prefetch - _inHand.Count;
        if (free < wanted || _circuit.IsOpen && !_inHand.IsEmpty)
        {
            await freed.WaitAsync(TimeSpan.FromSeconds(1), time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }

        Volatile.Write(ref _lastPull, time.GetTimestamp());
        await foreach (var delivery in source.FetchAsync(_circuit.IsOpen ? 1 : free, stoppingToken).ConfigureAwait(false))
        {
            Volatile.Write(ref _lastPull, time.GetTimestamp());
            var held = new InHand(delivery);

            // Delivered again while it is in hand here: the delivery in hand settles both.
            if (_inHand.TryAdd(delivery.Sequence, held))
                held.Running = Task.Run(() => HoldAsync(held), CancellationToken.None);
        }
    }

    private async Task HoldAsync(InHand held)
    {
        try
        {
            await GuardAsync(held, _abandon.Token).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            // No verdict could be given: the message comes back by itself when its time is over.
            if (!_abandon.IsCancellationRequested)
                Log.NoVerdict(logger, error, name, held.Delivery.Sequence);
        }
        finally
        {
            _inHand.TryRemove(held.Delivery.Sequence, out _);
            Interlocked.Exchange(ref _freed, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        }
    }

    private async ValueTask GuardAsync(InHand held, CancellationToken abandon)
    {
        var delivery = held.Delivery;
        if (LetterCodec.Find(delivery.Headers, RedriveHeaders.Consumer) is { } target && target != name)
        {
            await delivery.AckAsync(abandon).ConfigureAwait(false);
            return;
        }

        var id = DeadLetterId.Of(
            options.Stream, _created.UtcTicks.ToString(CultureInfo.InvariantCulture), delivery.Sequence.ToString(CultureInfo.InvariantCulture), name);
        var mark = new DeadLetterMark { Queue = options.Queue, Id = id };
        var suspect = false;
        if (delivery.Deliveries > 1)
        {
            mark = await provider.ReadMarkAsync(options.Queue, id, abandon).ConfigureAwait(false);
            if (mark.Transferred || mark.Closed is not null)
            {
                await delivery.AckAsync(abandon).ConfigureAwait(false);
                return;
            }

            if (mark.Starts >= policy.MaxAttempts)
            {
                var crashed = mark.Starts > mark.Failures;
                await DeadLetterAsync(delivery, mark, crashed ? DeadLetterReasons.CrashLoop : DeadLetterReasons.MaxAttempts, null, abandon).ConfigureAwait(false);
                return;
            }

            // A first start is not written down, so nothing at all may also mean one that ended its process.
            suspect = mark.Revision == 0 || mark.Starts > mark.Failures;
        }

        await EnterAsync(suspect, abandon).ConfigureAwait(false);
        try
        {
            if (delivery.Deliveries > 1)
            {
                // Another process may have come first: whoever wrote it has the message in hand.
                if (await provider.TryWriteMarkAsync(mark with { Starts = mark.Starts + 1 }, abandon).ConfigureAwait(false) is not { } revision)
                    return;
                mark = mark with { Starts = mark.Starts + 1, Revision = revision };
            }

            held.StartedAt = time.GetTimestamp();
            var (ending, verdict) = await TryAsync(delivery, mark, abandon).ConfigureAwait(false);
            await EndAsync(delivery, mark, ending, verdict).ConfigureAwait(false);
        }
        finally
        {
            Leave(suspect);
        }
    }

    private async ValueTask<(Ending Ending, WorkVerdict Verdict)> TryAsync(IWorkDelivery delivery, DeadLetterMark mark, CancellationToken abandon)
    {
        using var limit = new CancellationTokenSource(options.MaxProcessingTime, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, abandon);
        try
        {
            var scope = scopes.CreateAsyncScope();
            await using var disposal = scope.ConfigureAwait(false);
            var verdict = await createHandler(scope.ServiceProvider).HandleAsync(Message(delivery, mark), stop.Token).ConfigureAwait(false);
            return (verdict.Kind == WorkVerdictKind.Retry ? Ending.Failed : Ending.Verdict, verdict);
        }
        catch (OperationCanceledException) when (abandon.IsCancellationRequested)
        {
            return (Ending.Abandoned, default);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            return Failed(new TimeoutException($"The handler took longer than max_processing_time, {options.MaxProcessingTime}."));
        }
        catch (Exception error)
        {
            return Failed(error);
        }

        (Ending, WorkVerdict) Failed(Exception error)
        {
            Log.TryFailed(logger, error, name, delivery.Sequence, Math.Max(1, mark.Starts), policy.MaxAttempts);
            var judged = policy.Classify(error);
            return judged.Kind == RetryVerdictKind.Stop
                ? (Ending.Verdict, WorkVerdict.DeadLetter(DeadLetterReasons.Rejected, error))
                : (Ending.Failed, WorkVerdict.Failure(judged.NotBefore, error));
        }
    }

    private async ValueTask EndAsync(IWorkDelivery delivery, DeadLetterMark mark, Ending ending, WorkVerdict verdict)
    {
        // A verdict that was reached is carried out also when the host has stopped waiting.
        var cancellationToken = CancellationToken.None;
        switch (ending)
        {
            case Ending.Abandoned:
                // The start ended because this process does: it says nothing about the message.
                if (mark.Revision > 0)
                    await provider.TryWriteMarkAsync(mark with { Starts = mark.Starts - 1 }, cancellationToken).ConfigureAwait(false);
                await delivery.NakAsync(TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
                return;
            case Ending.Failed when await FailedAsync(delivery, mark, verdict, cancellationToken).ConfigureAwait(false):
                return;
            case Ending.Failed:
                await DeadLetterAsync(delivery, AfterTry(mark, verdict.Error), DeadLetterReasons.MaxAttempts, verdict.Error, cancellationToken).ConfigureAwait(false);
                return;
        }

        _circuit.Succeeded();
        if (verdict.Kind == WorkVerdictKind.DeadLetter)
        {
            await DeadLetterAsync(delivery, AfterTry(mark, verdict.Error), verdict.Reason ?? DeadLetterReasons.Rejected, verdict.Error, cancellationToken)
                .ConfigureAwait(false);
            return;
        }

        await delivery.AckAsync(cancellationToken).ConfigureAwait(false);
        metrics.Handled(name, verdict.Kind);
    }

    /// <returns>Whether the message will be tried again.</returns>
    private async ValueTask<bool> FailedAsync(IWorkDelivery delivery, DeadLetterMark mark, WorkVerdict verdict, CancellationToken cancellationToken)
    {
        if (_circuit.Failed(delivery.Sequence))
            Log.OutageBegan(logger, name, options.OutageThreshold);
        if (!_circuit.FailuresCount)
        {
            // Written all the same: a redelivery without a mark would be a suspect.
            var starts = Math.Max(0, mark.Starts - 1);
            await provider.UpdateMarkAsync(
                mark, current => current.Transferred ? current : current with { Starts = starts, Failures = starts }, cancellationToken).ConfigureAwait(false);
            await delivery.NakAsync(LongestPause, cancellationToken).ConfigureAwait(false);
            return true;
        }

        var after = AfterTry(mark, verdict.Error);
        if (after.Failures >= policy.MaxAttempts)
            return false;
        mark = await provider.UpdateMarkAsync(
            mark,
            current => current.Transferred ? current : AfterTry(current, verdict.Error),
            cancellationToken).ConfigureAwait(false);
        var delay = policy.NextDelay(Math.Max(1, mark.Failures), TimeSpan.Zero);
        if (verdict.Delay is { } asked && asked > delay)
            delay = asked;
        await delivery.NakAsync(verdict.Error is null ? verdict.Delay ?? delay : delay, cancellationToken).ConfigureAwait(false);
        metrics.Handled(name, WorkVerdictKind.Retry);
        return true;
    }

    private DeadLetterMark AfterTry(DeadLetterMark mark, Exception? error)
    {
        var starts = Math.Max(1, mark.Starts);
        var attempt = new DeadLetterAttempt(starts, time.GetUtcNow(), error?.GetType().FullName);
        return mark with { Starts = starts, Failures = starts, History = [.. mark.History.TakeLast(9), attempt] };
    }

    private async ValueTask DeadLetterAsync(
        IWorkDelivery delivery, DeadLetterMark mark, string reason, Exception? error, CancellationToken cancellationToken)
    {
        var message = Message(delivery, mark);
        var now = time.GetUtcNow();
        var letter = new DeadLetter
        {
            Queue = options.Queue,
            Id = message.LetterId,
            Subject = delivery.Subject,
            Tenant = message.FindHeader(options.TenantHeader) ?? DeadLetter.NoTenant,
            WorkflowId = message.FindHeader(options.WorkflowIdHeader),
            Reason = reason,
            Headers = message.Headers,
            ContentType = message.FindHeader("content-type"),
            Body = delivery.Body,
            FirstFailedAt = mark.History.Count > 0 ? mark.History[0].FailedAt : now,
            LastFailedAt = mark.History.Count > 0 ? mark.History[^1].FailedAt : now,
            Attempts = mark.Starts,
            History = mark.History,
            RedriveCount = message.RedriveCount,
            Source = message.Source,
        };
        if (error is not null)
            letter = letter.WithError(error);
        else if (mark.History.Count > 0)
            letter = letter with { ErrorType = mark.History[^1].ErrorType };
        try
        {
            // The order is the contract: the letter, its mark, and only then the original.
            await publisher.PublishAsync(letter, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception refused) when (refused is DeadLetterException)
        {
            metrics.PublishFailed(options.Queue);
            Log.TransferFailed(logger, refused, name, delivery.Sequence, options.Queue);
            await HoldBackAsync(delivery, mark, cancellationToken).ConfigureAwait(false);
            if (refused is DeadLetterQueueFullException)
                await alerts.SendFullAsync(letter, _abandon.Token).ConfigureAwait(false);
            return;
        }

        await delivery.AckAsync(cancellationToken).ConfigureAwait(false);
        metrics.Handled(name, WorkVerdictKind.DeadLetter);
    }

    /// <summary>Leaves the original where it is. Its tries are over; a full queue of marks is the one reason it may be started again.</summary>
    private async ValueTask HoldBackAsync(IWorkDelivery delivery, DeadLetterMark mark, CancellationToken cancellationToken)
    {
        var tries = Math.Max(mark.Starts, policy.MaxAttempts);
        try
        {
            await provider.UpdateMarkAsync(
                mark,
                current => current.Transferred || current.Starts >= policy.MaxAttempts
                    ? current
                    : current with { Starts = tries, Failures = tries, History = mark.History },
                cancellationToken).ConfigureAwait(false);
        }
        catch (DeadLetterException)
        {
            // Said already.
        }

        await delivery.NakAsync(RefusedPause, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask EnterAsync(bool alone, CancellationToken abandon)
    {
        while (_circuit.TryEnter() is var wait && wait > TimeSpan.Zero)
            await Task.Delay(wait, time, abandon).ConfigureAwait(false);

        if (!alone)
        {
            await _places.WaitAsync(abandon).ConfigureAwait(false);
            return;
        }

        await _alone.WaitAsync(abandon).ConfigureAwait(false);
        var taken = 0;
        try
        {
            for (; taken < options.Concurrency; taken++)
                await _places.WaitAsync(abandon).ConfigureAwait(false);
        }
        catch
        {
            if (taken > 0)
                _places.Release(taken);
            _alone.Release();
            throw;
        }
    }

    private void Leave(bool alone)
    {
        _places.Release(alone ? options.Concurrency : 1);
        if (alone)
            _alone.Release();
    }

    private async Task RenewAsync(CancellationToken finished)
    {
        while (true)
        {
            await Task.Delay(options.AckWait / 3, time, finished).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (finished.IsCancellationRequested)
                return;
            foreach (var held in _inHand.Values)
            {
                if (held.StartedAt is { } started && time.GetElapsedTime(started) > options.MaxProcessingTime + options.AckWait)
                    continue;
                try
                {
                    await held.Delivery.RenewAsync(finished).ConfigureAwait(false);
                }
                catch (Exception error)
                {
                    if (finished.IsCancellationRequested)
                        return;
                    Log.RenewFailed(logger, error, options.Stream, held.Delivery.Sequence.ToString(CultureInfo.InvariantCulture));
                }
            }
        }
    }

    private WorkMessage Message(IWorkDelivery delivery, DeadLetterMark mark) => new()
    {
        Subject = delivery.Subject,
        Body = delivery.Body,
        Headers = [.. LetterCodec.Others(delivery.Headers).Where(header => !header.Key.StartsWith("Dlq-", StringComparison.OrdinalIgnoreCase))],
        Source = new DeadLetterSource(
            options.Stream, delivery.Sequence, name, delivery.StoredAt, LetterCodec.Find(delivery.Headers, "Nats-Msg-Id")),
        Attempt = Math.Max(1, mark.Starts),
        LetterId = mark.Id,
        RedriveCount = int.TryParse(LetterCodec.Find(delivery.Headers, RedriveHeaders.Count), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 0,
        RedriveId = LetterCodec.Find(delivery.Headers, RedriveHeaders.Id),
    };

    private sealed class InHand(IWorkDelivery delivery)
    {
        public IWorkDelivery Delivery => delivery;

        public Task Running { get; set; } = Task.CompletedTask;

        public long? StartedAt { get; set; }
    }
}
