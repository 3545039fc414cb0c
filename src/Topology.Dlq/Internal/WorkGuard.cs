using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Topology.Retry;

namespace Topology.Dlq.Internal;

/// <summary>Takes one message from its delivery to its verdict. Thread safe.</summary>
/// <remarks>
/// What bounds tries is the mark, written before every start but the first and before the NAK after a failed one; never the server's
/// delivery count. A redelivery whose last start has no verdict is a suspect: it may have ended its process, so it runs alone.
/// </remarks>
internal sealed class WorkGuard(
    string name,
    GuardedConsumerOptions options,
    IWorkSource source,
    IDeadLetterQueueProvider provider,
    WorkTransfer transfer,
    RetryPolicy policy,
    Func<IServiceProvider, IWorkHandler> createHandler,
    IServiceScopeFactory scopes,
    DeadLetterMetrics metrics,
    TimeProvider time,
    ILogger<GuardedConsumer> logger) : IDisposable
{
    private static readonly TimeSpan OutagePause = TimeSpan.FromSeconds(30);

    private readonly OutageCircuit _circuit = new(options.OutageThreshold, options.MaxOutage, time);
    private readonly WorkPlaces _places = new(options.Concurrency);
    private readonly TryLimits _limits = new(options.MaxProcessingTime, time);

    private enum Ending
    {
        Verdict,
        Failed,
        Abandoned,
    }

    public bool TriesOneAtATime => _circuit.IsOpen;

    /// <summary>Gets or sets the ids of what is judged from now on.</summary>
    public LetterIds Letters { get; set; } = new(options.Stream, default, name);

    public void Dispose()
    {
        _places.Dispose();
        _limits.Dispose();
    }

    /// <summary>Settles a message, or leaves it to be delivered again. It never throws.</summary>
    public async ValueTask GuardAsync(HeldWork held, CancellationToken abandon)
    {
        try
        {
            await JudgeAsync(held, abandon).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            // No verdict could be given: the message comes back by itself when its time is over.
            if (!abandon.IsCancellationRequested)
                Log.NoVerdict(logger, error, name, held.Delivery.Sequence);
        }
    }

    private async ValueTask JudgeAsync(HeldWork held, CancellationToken abandon)
    {
        var delivery = held.Delivery;
        if (LetterCodec.Find(delivery.Headers, RedriveHeaders.Consumer) is { } target && target != name)
        {
            await delivery.AckAsync(abandon).ConfigureAwait(false);
            return;
        }

        // Nothing is known of a first delivery, and nothing is written down unless it fails.
        var message = new WorkMessage(delivery, Letters, options.Stream, name);
        DeadLetterMark? mark = null;
        var suspect = false;
        if (delivery.Deliveries > 1 || delivery.IsDoubtful)
        {
            mark = await provider.ReadMarkAsync(options.Queue, message.LetterId, abandon).ConfigureAwait(false);
            if (IsSettled(delivery, mark))
            {
                await delivery.AckAsync(abandon).ConfigureAwait(false);
                return;
            }

            if (mark.Starts >= policy.MaxAttempts)
            {
                var crashed = mark.Starts > mark.Failures;
                using var givenUp = DeadLetterTracing.Handle(name, delivery, mark.Starts);
                DeadLetterTracing.Fail(givenUp, null, crashed ? DeadLetterReasons.CrashLoop : DeadLetterReasons.MaxAttempts);
                await transfer.RunAsync(delivery, message, mark, crashed ? DeadLetterReasons.CrashLoop : DeadLetterReasons.MaxAttempts, null, abandon).ConfigureAwait(false);
                return;
            }

            // A first start is not written down, so nothing at all may also mean one that ended its process.
            suspect = mark.Revision == 0 || mark.Starts > mark.Failures;
            if (mark.Revision == 0 && delivery.Deliveries == 1)
                (mark, suspect) = (null, false); // the first it is
        }

        // An outage: the message stays in hand, its lease renewed, until the next probe is due; then whoever comes first is it.
        while (_circuit.TryEnter() is var wait && wait > TimeSpan.Zero)
            await Task.Delay(wait, time, abandon).ConfigureAwait(false);
        held.Places = suspect ? options.Concurrency : 1;
        await _places.EnterAsync(suspect, abandon).ConfigureAwait(false);
        try
        {
            if (mark is not null)
            {
                // Another process may have come first: whoever wrote it has the message in hand.
                if (await provider.TryWriteMarkAsync(mark with { Starts = mark.Starts + 1 }, abandon).ConfigureAwait(false) is not { } revision)
                    return;
                mark = mark with { Starts = mark.Starts + 1, Revision = revision };
            }

            if (mark is { Starts: > 1 and var start })
                message = message with { Attempt = start };
            using var span = DeadLetterTracing.Handle(name, delivery, message.Attempt);
            held.TryBegan = time.GetTimestamp();
            var (ending, verdict) = await TryAsync(message, abandon).ConfigureAwait(false);
            held.TryBegan = 0;
            if (ending == Ending.Failed || verdict.Kind == WorkVerdictKind.DeadLetter)
                DeadLetterTracing.Fail(span, verdict.Error, verdict.Reason);
            await EndAsync(delivery, message, mark, ending, verdict, abandon).ConfigureAwait(false);
        }
        finally
        {
            _places.Leave(suspect);
        }
    }

    private async ValueTask<(Ending Ending, WorkVerdict Verdict)> TryAsync(WorkMessage message, CancellationToken abandon)
    {
        var limit = _limits.Begin(abandon);
        try
        {
            var scope = scopes.CreateAsyncScope();
            await using var disposal = scope.ConfigureAwait(false);
            var verdict = await createHandler(scope.ServiceProvider).HandleAsync(message, limit.Source.Token).ConfigureAwait(false);
            return (verdict.Kind == WorkVerdictKind.Retry ? Ending.Failed : Ending.Verdict, verdict);
        }
        catch (OperationCanceledException) when (abandon.IsCancellationRequested)
        {
            return (Ending.Abandoned, default);
        }
        catch (OperationCanceledException) when (limit.Source.IsCancellationRequested)
        {
            return Failed(new TimeoutException($"The handler took longer than max_processing_time, {options.MaxProcessingTime}."));
        }
        catch (Exception error)
        {
            return Failed(error);
        }
        finally
        {
            _limits.End(limit);
        }

        (Ending, WorkVerdict) Failed(Exception error)
        {
            Log.TryFailed(logger, error, name, message.Source.Sequence, message.Attempt, policy.MaxAttempts);
            var judged = policy.Classify(error);
            return judged.Kind == RetryVerdictKind.Stop
                ? (Ending.Verdict, WorkVerdict.DeadLetter(DeadLetterReasons.Rejected, error))
                : (Ending.Failed, WorkVerdict.Failure(judged.NotBefore, error));
        }
    }

    private async ValueTask EndAsync(
        IWorkDelivery delivery, WorkMessage message, DeadLetterMark? known, Ending ending, WorkVerdict verdict, CancellationToken abandon)
    {
        // A verdict that was reached is carried out also when the host has stopped waiting.
        var cancellationToken = CancellationToken.None;
        if (ending == Ending.Verdict)
            _circuit.Succeeded();
        if (ending == Ending.Verdict && verdict.Kind != WorkVerdictKind.DeadLetter)
        {
            await delivery.AckAsync(cancellationToken).ConfigureAwait(false);
            metrics.Handled(name, verdict.Kind);
            return;
        }

        var mark = known ?? new DeadLetterMark { Queue = options.Queue, Id = message.LetterId };
        switch (ending)
        {
            case Ending.Abandoned:
                // The start ended because this process does: it says nothing about the message.
                if (mark.Revision > 0)
                    await provider.TryWriteMarkAsync(mark with { Starts = mark.Starts - 1 }, cancellationToken).ConfigureAwait(false);
                await delivery.NakAsync(TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
                break;
            case Ending.Failed:
                if (await FailedAsync(delivery, mark, verdict, cancellationToken).ConfigureAwait(false) is { } over)
                    await transfer.RunAsync(delivery, message, over, DeadLetterReasons.MaxAttempts, verdict.Error, abandon).ConfigureAwait(false);
                break;
            default:
                await transfer.RunAsync(delivery, message, AfterTry(mark, verdict.Error), verdict.Reason ?? DeadLetterReasons.Rejected, verdict.Error, abandon)
                    .ConfigureAwait(false);
                break;
        }
    }

    /// <returns>What is known after the last try; null when there will be another.</returns>
    private async ValueTask<DeadLetterMark?> FailedAsync(IWorkDelivery delivery, DeadLetterMark mark, WorkVerdict verdict, CancellationToken cancellationToken)
    {
        if (_circuit.Failed(delivery.Sequence))
            Log.OutageBegan(logger, name, options.OutageThreshold);
        if (!_circuit.FailuresCount)
        {
            // Written all the same: a redelivery without a mark would be a suspect.
            var starts = Math.Max(0, mark.Starts - 1);
            await provider.UpdateMarkAsync(
                mark, current => current == mark ? current with { Starts = starts, Failures = starts } : current, cancellationToken).ConfigureAwait(false);
            await delivery.NakAsync(OutagePause, cancellationToken).ConfigureAwait(false);
            return null;
        }

        var after = AfterTry(mark, verdict.Error);
        if (after.Failures < policy.MaxAttempts)
        {
            // Where there is a mark although this was taken for the first try, that one counts on top of those.
            after = await provider.UpdateMarkAsync(
                mark,
                current => IsSettled(delivery, current) ? current : AfterTry(
                    current.Revision > 0 && mark.Revision == 0 ? current with { Starts = current.Starts + 1 } : current, verdict.Error),
                cancellationToken).ConfigureAwait(false);
            if (IsSettled(delivery, after))
            {
                await delivery.AckAsync(cancellationToken).ConfigureAwait(false);
                return null;
            }
        }

        if (after.Failures >= policy.MaxAttempts)
            return after;
        var delay = policy.NextDelay(after.Failures, TimeSpan.Zero);
        if (verdict.Delay is { } asked && asked > delay)
            delay = asked;
        await PutOffAsync(delivery, after, verdict.Error is null ? verdict.Delay ?? delay : delay, cancellationToken).ConfigureAwait(false);
        metrics.Handled(name, WorkVerdictKind.Retry);
        return null;
    }

    private async ValueTask PutOffAsync(IWorkDelivery delivery, DeadLetterMark mark, TimeSpan delay, CancellationToken cancellationToken)
    {
        if (!await source.TrySetAsideAsync(delivery, mark.Id, mark.Failures, delay, cancellationToken).ConfigureAwait(false))
        {
            await delivery.NakAsync(delay, cancellationToken).ConfigureAwait(false);
            return;
        }

        // From here on the copy is the message: an original that comes back all the same is passed over.
        await provider.UpdateMarkAsync(mark, current => current.SetAside ? current : current with { SetAside = true }, cancellationToken).ConfigureAwait(false);
        await delivery.AckAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether something else has taken the message's place: its letter, what became of that, or the copy of it that was set aside.</summary>
    private static bool IsSettled(IWorkDelivery delivery, DeadLetterMark mark) =>
        mark.Transferred || mark.Closed is not null || mark.SetAside && delivery.LetterId is null;

    private DeadLetterMark AfterTry(DeadLetterMark mark, Exception? error)
    {
        var starts = Math.Max(1, mark.Starts);
        var attempt = new DeadLetterAttempt(starts, time.GetUtcNow(), error?.GetType().FullName);
        return mark with { Starts = starts, Failures = starts, History = [.. mark.History.TakeLast(9), attempt] };
    }
}
