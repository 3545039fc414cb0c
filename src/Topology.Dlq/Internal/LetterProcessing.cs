using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Topology.Retry;

namespace Topology.Dlq.Internal;

/// <summary>Takes one letter from its delivery to its verdict. Thread safe.</summary>
/// <remarks>Every start of a processor is written down before it begins, so that one which ends the process counts.</remarks>
internal sealed class LetterProcessing(
    IDeadLetterQueueProvider provider,
    IServiceScopeFactory scopes,
    IRetryPolicies policies,
    DeadLetterMetrics metrics,
    TimeProvider time,
    ILogger logger)
{
    public async ValueTask ProcessAsync(
        DeadLetterProcessorRegistration registration, DeadLetterConsumerOptions consumer, IDeadLetterDelivery delivery, CancellationToken abandon)
    {
        using var call = new CancellationTokenSource(LoopBeats.LongestCall, time);
        using var any = CancellationTokenSource.CreateLinkedTokenSource(call.Token, abandon);
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
            verdict = await RunAsync(registration, consumer, delivery, mark, abandon).ConfigureAwait(false);
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
        DeadLetterMark mark,
        CancellationToken abandon)
    {
        using var limit = new CancellationTokenSource(consumer.MaxProcessingTime, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, abandon);
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
        catch (Exception error) when (!abandon.IsCancellationRequested)
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
