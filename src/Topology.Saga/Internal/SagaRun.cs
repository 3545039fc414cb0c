using Topology.Retry;

namespace Topology.Saga.Internal;

/// <summary>One owner's work on one saga, from its claim until the saga has settled or the owner must let go.</summary>
/// <remarks>Forward is here; what is undone is in the other part.</remarks>
internal sealed partial class SagaRun(SagaRuntime runtime, SagaDefinition definition, ISagaLease lease, CancellationToken stopping)
{
    private readonly SagaTries _tries = new(runtime, stopping);
    private SagaState _state = new(lease.SagaId, definition);

    /// <summary>Returns when the item is done with; an exception means that it must be given back.</summary>
    /// <exception cref="SagaFencedException">Another owner has written.</exception>
    public async Task RunAsync()
    {
        if (await ClaimAsync().ConfigureAwait(false))
        {
            do
            {
                while (_state.Settled is null)
                {
                    await FoldInboxAsync().ConfigureAwait(false);
                    await (_state.IsBackward ? UndoAsync() : ForwardAsync()).ConfigureAwait(false);
                }

                runtime.Signals.Raise(_state.Id);
            }
            while (await ReopenAsync().ConfigureAwait(false));
        }

        await lease.CompleteAsync(stopping).ConfigureAwait(false);
    }

    /// <summary>Returns false when there is nothing for this item to do.</summary>
    private async Task<bool> ClaimAsync()
    {
        while (true)
        {
            stopping.ThrowIfCancellationRequested();
            _state = await SagaReader.ReadAsync(runtime.Journal, definition, lease.SagaId, stopping).ConfigureAwait(false);
            SagaEvent[] events;
            if (_state.Version == 0)
            {
                if (await runtime.Dispatcher.FindStartAsync(lease.SagaId, stopping).ConfigureAwait(false) is not { } start)
                {
                    return false;
                }

                events = [new SagaEvent.Started(start.DefinitionHash, start.Tenant, start.Input), new SagaEvent.Claimed(lease.ItemId, Redelivered: false)];
            }
            else if (_state.Settled is null)
            {
                if (_state.HeldBy != lease.ItemId)
                {
                    return false;
                }

                events = [new SagaEvent.Claimed(lease.ItemId, Redelivered: true)];
            }
            else
            {
                return await ReopenAsync().ConfigureAwait(false);
            }

            if (await runtime.Writer.TryAppendAsync(_state, events, stopping).ConfigureAwait(false))
            {
                runtime.Metrics.Claimed(definition.Name, tookOver: _state.HeadMayHaveBeenTried);
                return true;
            }
        }
    }

    /// <summary>Takes up a resting saga again when an operator has decided something.</summary>
    private async Task<bool> ReopenAsync()
    {
        while (!_state.IsFinal)
        {
            var news = await ReadInboxAsync().ConfigureAwait(false);
            if (news.Length == 0)
            {
                return false;
            }

            if (await runtime.Writer.TryAppendAsync(_state, [.. news, new SagaEvent.Claimed(lease.ItemId, Redelivered: false)], stopping).ConfigureAwait(false))
            {
                return true;
            }

            // Another item was faster. If it is at work, the decision is in its inbox too.
            _state = await SagaReader.ReadAsync(runtime.Journal, definition, lease.SagaId, stopping).ConfigureAwait(false);
            if (_state.Settled is null)
            {
                return false;
            }
        }

        return false;
    }

    private async Task<SagaEvent[]> ReadInboxAsync()
    {
        var entries = await runtime.Inbox.ReadAsync(_state.Id, _state.InboxSequence, stopping).ConfigureAwait(false);
        return [.. entries.Select(entry => new SagaEvent.OperatorDecided(entry.Command, entry.Sequence))];
    }

    /// <summary>Returns whether there was something.</summary>
    private async Task<bool> FoldInboxAsync()
    {
        var news = await ReadInboxAsync().ConfigureAwait(false);
        if (news.Length > 0)
        {
            await AppendAsync(news).ConfigureAwait(false);
        }

        return news.Length > 0;
    }

    private async Task AppendAsync(params SagaEvent[] events)
    {
        if (!await runtime.Writer.TryAppendAsync(_state, events, stopping).ConfigureAwait(false))
        {
            throw new SagaFencedException(_state.Id);
        }
    }

    private async Task ForwardAsync()
    {
        if (_state.NextStep is not { } next)
        {
            await SettleAsync(SagaStatus.Completed).ConfigureAwait(false);
            return;
        }

        var step = next.Step;
        if (next.IsExhausted)
        {
            await SettleAsync(SagaStatus.Stuck).ConfigureAwait(false);
            return;
        }

        var policy = runtime.Retries.Get(step.RetryProfile);
        var outcome = await _tries.RunAsync(
            new SagaTries.Plan(
                _state, step, Undo: false, step.MaxAttempts ?? policy.MaxAttempts, step.Timeout, policy),
            (@try, token) => step.RunAsync(@try, token),
            FoldInboxAsync).ConfigureAwait(false);

        if (outcome.Failure is not { } failure)
        {
            // The last step's result and the end of the saga are one write, unless letters are to be closed in between.
            SagaEvent completed = new SagaEvent.StepCompleted(step.Id, outcome.Result!);
            if (step == definition.Steps[^1] && _state.Steps.All(s => s.Episode == 0))
            {
                await AppendAsync(completed, new SagaEvent.Settled(SagaStatus.Completed)).ConfigureAwait(false);
                runtime.Metrics.Settled(definition.Name, SagaStatus.Completed);
            }
            else
            {
                await AppendAsync(completed).ConfigureAwait(false);
            }
        }
        else if (step.Kind == SagaStepKind.Retriable || (step.Kind == SagaStepKind.Pivot && !failure.Rejected))
        {
            Log.StepExhausted(runtime.Logger, _state.Id, step.Id, failure.Attempts, failure.ErrorType);
            await AppendAsync(new SagaEvent.StepExhausted(next.Episode + 1, failure)).ConfigureAwait(false);
        }
        else
        {
            Log.StepFailed(runtime.Logger, _state.Id, step.Id, failure.Attempts, failure.ErrorType, failure.Rejected ? "rejected" : "outcome unknown");
            await AppendAsync(new SagaEvent.CompensationStarted(failure)).ConfigureAwait(false);
        }
    }

    private async Task SettleAsync(SagaStatus status)
    {
        await PublishLettersAsync().ConfigureAwait(false);
        await CloseLettersAsync().ConfigureAwait(false);
        if (await FoldInboxAsync().ConfigureAwait(false))
        {
            return;
        }

        await AppendAsync(new SagaEvent.Settled(status)).ConfigureAwait(false);
        runtime.Metrics.Settled(definition.Name, status);
    }
}
