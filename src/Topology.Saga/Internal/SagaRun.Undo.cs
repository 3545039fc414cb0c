using System.Runtime.CompilerServices;
using Topology.Retry;

namespace Topology.Saga.Internal;

internal sealed partial class SagaRun
{
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask UndoAsync()
    {
        var table = _runtime.Registry.Table(_definition);
        for (var i = _state.Steps.Count - 1; i >= 0; i--)
        {
            var step = _state.Steps[i];
            if (!step.HasEffect || step.Undone is not null)
            {
                continue;
            }

            if (table.Row(step.Step.Id) is not { } row)
            {
                await ExhaustWithoutRowAsync(step).ConfigureAwait(false);
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
        for (var i = _state.Steps.Count - 1; i >= 0; i--)
        {
            var step = _state.Steps[i];
            if (!step.HasEffect || step == except || step.Undone is not null)
            {
                continue;
            }

            var row = table.Row(step.Step.Id);
            if (!step.IsExhausted && (row is not null || step.Episode > 0))
            {
                return true;
            }

            if (step.IsExhausted && row is { OnFailure: SagaCompensationFailure.Halt })
            {
                return false;
            }
        }

        return false;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask UndoStepAsync(SagaStepState step, SagaTableRow row, SagaTable table)
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
            await ExhaustAsync(step, row.Action.Name, gone).ConfigureAwait(false);
            return;
        }

        var policy = _runtime.Retries.Get(row.Backoff ?? RetryProfileNames.Default);
        var plan = new SagaTries.Plan(step, Undo: true, 1 + row.RetryCount, row.Timeout, policy, Left: null, row.Action.Effect);
        var outcome = await _tries.BeginAsync(plan).ConfigureAwait(false);
        if (outcome.Error is { } error)
        {
            outcome = await _tries.GoOnAsync(error).ConfigureAwait(false);
        }

        if (outcome.Failure is { } failure)
        {
            await ExhaustAsync(step, row.Action.Name, failure).ConfigureAwait(false);
            return;
        }

        await RecordAsync(new SagaEvent.StepCompensated(step.Step.Id), HasWorkLeft(table, except: step) ? null : SagaStatus.Compensated).ConfigureAwait(false);
        _runtime.Metrics.Compensated(_definition.Name, row.Action.Name, succeeded: true);
    }

    /// <summary>A step that was once to be undone, and whose row is gone from the table since, is not taken for undone.</summary>
    private async Task ExhaustWithoutRowAsync(SagaStepState step)
    {
        if (step is { Episode: > 0, IsExhausted: false })
        {
            var failure = new SagaFailure(step.Step.Id, typeof(SagaDefinitionException).FullName!, "The compensation table has no row for it any more.", false, 0);
            await ExhaustAsync(step, "none", failure).ConfigureAwait(false);
        }
    }

    private async Task ExhaustAsync(SagaStepState step, string action, SagaFailure failure)
    {
        Log.CompensationExhausted(_runtime.Logger, _state.Id, step.Step.Id, action, failure.Attempts, failure.ErrorType);
        await AppendAsync(new SagaEvent.CompensationExhausted(step.Episode + 1, failure)).ConfigureAwait(false);
        _runtime.Metrics.Compensated(_definition.Name, action, succeeded: false);
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
