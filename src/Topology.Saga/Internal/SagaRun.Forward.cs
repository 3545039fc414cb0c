namespace Topology.Saga.Internal;

internal sealed partial class SagaRun
{
    /// <summary>Returns whether the saga has come to where there is nothing to try: then it has gone on from there.</summary>
    private async ValueTask<bool> RestAsync()
    {
        switch (_state.NextStep)
        {
            case null:
                await SettleAsync(SagaStatus.Completed).ConfigureAwait(false);
                return true;
            case { IsExhausted: true }:
                await SettleAsync(SagaStatus.Stuck).ConfigureAwait(false);
                return true;
            case { Step: SagaWaitStep wait } next:
                await WaitAsync(next, wait).ConfigureAwait(false);
                return true;
            case var next when IsRecordGone(next, out var gone):
                await FailAsync(next, gone).ConfigureAwait(false);
                return true;
            default:
                return false;
        }
    }

    private SagaTries.Plan Plan(SagaStepState next)
    {
        var step = next.Step;
        var policy = _runtime.Retries.Get(step.RetryProfile);

        // A deadline cuts off only what can be undone: a pivot cut off would leave the saga stuck.
        var left = step.Kind == SagaStepKind.Compensable ? Left() : null;
        return new(next, Undo: false, step.MaxAttempts ?? policy.MaxAttempts, step.Timeout, policy, left, step.Effect);
    }

    /// <summary>Writes down what became of the first try, or of those that follow it.</summary>
    private async ValueTask FollowAsync(SagaStepState next, SagaTries.Outcome tried)
    {
        var outcome = tried.Error is { } error ? await _tries.GoOnAsync(error).ConfigureAwait(false) : tried;
        if (outcome.Result is { } result)
        {
            await CompleteAsync(next.Step, result).ConfigureAwait(false);
        }
        else if (outcome.Failure is { } failure)
        {
            await FailAsync(next, failure).ConfigureAwait(false);
        }
        else
        {
            await TurnBackAsync(headWasTried: true).ConfigureAwait(false);
        }
    }

    private async Task WaitAsync(SagaStepState next, SagaWaitStep step)
    {
        if (step.Signal is { } name && _state.Signal(name) is { } value)
        {
            await CompleteAsync(step, value).ConfigureAwait(false);
            return;
        }

        var left = step.Timeout - (next.WaitingSince is { } since ? Now - since : TimeSpan.Zero);
        if (left > TimeSpan.Zero)
        {
            // The timer first: a saga that waits without one would wait for ever.
            var timer = Left() is { } deadline && deadline < left ? deadline : left;
            await _runtime.Dispatcher.SetTimerAsync(_state.Id, step.Id, timer, _stopping).ConfigureAwait(false);
            if (!await FoldInboxAsync().ConfigureAwait(false))
            {
                await AppendAsync(new SagaEvent.Waiting(step.Id)).ConfigureAwait(false);
            }
        }
        else if (step.Signal is { } signal)
        {
            var message = $"No signal '{signal}' came within {step.Timeout}.";
            await FailAsync(next, new SagaFailure(step.Id, typeof(TimeoutException).FullName!, message, Rejected: true, Attempts: 1)).ConfigureAwait(false);
        }
        else
        {
            await CompleteAsync(step, SagaValue.None).ConfigureAwait(false);
        }
    }

    private Task CompleteAsync(SagaStep step, SagaValue result) =>
        RecordAsync(new SagaEvent.StepCompleted(step.Id, result), step == _definition.Steps[^1] ? SagaStatus.Completed : null);

    private async Task FailAsync(SagaStepState next, SagaFailure failure)
    {
        var kind = next.Step.Kind;
        if (kind == SagaStepKind.Retriable || _state.IsPastPivot || (kind == SagaStepKind.Pivot && !failure.Rejected))
        {
            Log.StepExhausted(_runtime.Logger, _state.Id, failure.StepId, failure.Attempts, failure.ErrorType);
            await AppendAsync(new SagaEvent.StepExhausted(next.Episode + 1, failure)).ConfigureAwait(false);
        }
        else
        {
            Log.StepFailed(_runtime.Logger, _state.Id, failure.StepId, failure.Attempts, failure.ErrorType, failure.Rejected ? "rejected" : "outcome unknown");
            await AppendAsync(new SagaEvent.CompensationStarted(failure)).ConfigureAwait(false);
        }
    }

    /// <summary>The time left before the saga's deadline; null when it has none, or none that counts any more.</summary>
    private TimeSpan? Left() => _definition.Deadline is { } deadline && !_state.IsPastPivot ? deadline - (Now - _state.StartedAt) : null;

    /// <summary>Asked while a step or compensation is being tried, when there may be news.</summary>
    public async ValueTask<bool> MustTurnBackAsync()
    {
        await FoldInboxAsync().ConfigureAwait(false);

        // Past the pivot there is no way back, and while the pivot is being tried nobody knows. Whatever is said, a compensation is carried through.
        return !_state.IsBackward && _state.NextStep is { Step.Kind: SagaStepKind.Compensable } && !_state.IsPastPivot && (_state.Cancellation is not null || Left() <= TimeSpan.Zero);
    }

    /// <summary>Ends a saga that was cancelled or is past its deadline; returns false when it is neither, or cannot turn back.</summary>
    private async Task<bool> TurnBackAsync(bool headWasTried)
    {
        if (_state.NextStep is not { } head || _state.IsPastPivot || (headWasTried && head.Step.Kind == SagaStepKind.Pivot))
        {
            return false;
        }

        // A wait has no effect, however often its owner was replaced.
        headWasTried &= head.Step is not SagaWaitStep;

        var cancellation = _state.Cancellation;
        if (cancellation is null && !(Left() <= TimeSpan.Zero))
        {
            return false;
        }

        var nothingTried = !headWasTried && _state.Steps.All(step => step.Result is null || step.Step is SagaWaitStep);
        if (cancellation is not null && (nothingTried || !cancellation.Compensate))
        {
            await AppendAsync(new SagaEvent.Settled(SagaStatus.Cancelled, cancellation.Reason)).ConfigureAwait(false);
            _runtime.Metrics.Settled(_state);
            return true;
        }

        var failure = cancellation is not null
            ? new SagaFailure(head.Step.Id, typeof(OperationCanceledException).FullName!, $"Cancelled by {cancellation.Actor}: {cancellation.Reason}", !headWasTried, 1)
            : new SagaFailure(head.Step.Id, typeof(TimeoutException).FullName!, $"The saga did not complete within its deadline of {_definition.Deadline}.", !headWasTried, 1);
        Log.TurnedBack(_runtime.Logger, _state.Id, head.Step.Id, cancellation is not null ? "cancelled" : "deadline");
        await AppendAsync(new SagaEvent.CompensationStarted(failure)).ConfigureAwait(false);
        return true;
    }
}
