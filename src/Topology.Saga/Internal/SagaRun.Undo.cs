using Topology.Retry;

namespace Topology.Saga.Internal;

internal sealed partial class SagaRun
{
    private async Task UndoAsync()
    {
        var table = _runtime.Registry.Table(_definition);
        foreach (var step in _state.ToUndo.ToArray())
        {
            if (step.Undone is not null || table.Row(step.Step.Id) is not { } row)
            {
                continue;
            }

            await FoldInboxAsync().ConfigureAwait(false);
            if (step.Undone is null && !step.IsExhausted)
            {
                await UndoStepAsync(step, row, table).ConfigureAwait(false);
            }

            if (step.IsExhausted && row.OnFailure == SagaCompensationFailure.Halt)
            {
                break;
            }
        }

        // A decision that came meanwhile may have reopened a step before this point; then there is more to undo.
        if (_state.Settled is null && !HasWorkLeft(table, except: null))
        {
            var failed = _state.Steps.Any(step => step.IsExhausted);
            await SettleAsync(failed ? SagaStatus.CompensationFailed : SagaStatus.Compensated).ConfigureAwait(false);
        }
    }

    private bool HasWorkLeft(SagaTable table, SagaStepState? except)
    {
        foreach (var step in _state.ToUndo)
        {
            if (step == except || step.Undone is not null || table.Row(step.Step.Id) is not { } row)
            {
                continue;
            }

            if (!step.IsExhausted)
            {
                return true;
            }

            if (row.OnFailure == SagaCompensationFailure.Halt)
            {
                return false;
            }
        }

        return false;
    }

    private async Task UndoStepAsync(SagaStepState step, SagaTableRow row, SagaTable table)
    {
        if (step.FailedUnknown && step.Result is null)
        {
            // From here on a try that is still under way somewhere cannot complete; one that had completed tells its result.
            var result = await _runtime.Guard.SealAsync(_state.Key(step, undo: false), _stopping).ConfigureAwait(false);
            if (result is not null)
            {
                await AppendAsync(new SagaEvent.OutcomeLearned(step.Step.Id, result)).ConfigureAwait(false);
            }
        }

        if (IsRecordGone(step, out var gone))
        {
            await ExhaustAsync(step, row, gone).ConfigureAwait(false);
            return;
        }

        var policy = _runtime.Retries.Get(row.Backoff ?? RetryProfileNames.Default);
        var outcome = await _tries.RunAsync(
            new SagaTries.Plan(_state, step, Undo: true, 1 + row.RetryCount, row.Timeout, policy, Left: null),
            async (@try, token) =>
            {
                await row.Action.Resolve(@try.Services).CompensateAsync(new SagaCompensationContext(@try), token).ConfigureAwait(false);
                return SagaValue.None;
            },
            async () =>
            {
                // Whatever is said now, a compensation is carried through.
                await FoldInboxAsync().ConfigureAwait(false);
                return false;
            }).ConfigureAwait(false);

        if (outcome.Failure is { } failure)
        {
            await ExhaustAsync(step, row, failure).ConfigureAwait(false);
            return;
        }

        await RecordAsync(new SagaEvent.StepCompensated(step.Step.Id), HasWorkLeft(table, except: step) ? null : SagaStatus.Compensated).ConfigureAwait(false);
        _runtime.Metrics.Compensated(_definition.Name, row.Action.Name, succeeded: true);
    }

    private async Task ExhaustAsync(SagaStepState step, SagaTableRow row, SagaFailure failure)
    {
        Log.CompensationExhausted(_runtime.Logger, _state.Id, step.Step.Id, row.Action.Name, failure.Attempts, failure.ErrorType);
        await AppendAsync(new SagaEvent.CompensationExhausted(step.Episode + 1, failure)).ConfigureAwait(false);
        _runtime.Metrics.Compensated(_definition.Name, row.Action.Name, succeeded: false);
    }

    /// <summary>Again after a crash too: publishing a letter twice is harmless, resting without it is not.</summary>
    private async Task PublishLettersAsync()
    {
        var table = _runtime.Registry.Table(_definition);
        foreach (var step in _state.Steps.Where(step => step.IsExhausted))
        {
            var stuck = !_state.IsBackward;
            var id = SagaLetterId.Compute(_state.Id, step.Step.Id, step.Episode);
            var action = stuck ? null : table.Row(step.Step.Id)?.Action.Name;
            var letter = new SagaLetter(id, _state.Id, _state.Tenant, stuck, action, step.Episode, step.LastFailure!);
            await _runtime.Letters.PublishAsync(letter, _stopping).ConfigureAwait(false);
        }
    }

    private async Task CloseLettersAsync()
    {
        foreach (var step in _state.Steps)
        {
            var open = step.IsExhausted ? step.Episode : step.Episode + 1;
            for (var episode = 1; episode < open; episode++)
            {
                await _runtime.Letters.CloseAsync(SagaLetterId.Compute(_state.Id, step.Step.Id, episode), _stopping).ConfigureAwait(false);
            }
        }
    }
}
