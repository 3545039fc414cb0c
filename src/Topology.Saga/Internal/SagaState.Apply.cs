namespace Topology.Saga.Internal;

/// <content>How each event changes it.</content>
internal sealed partial class SagaState
{
    public void Apply(long version, DateTimeOffset at, SagaEntry entry)
    {
        StartedAt = Version == 0 ? at : StartedAt;
        LastAt = at;
        Version = version;
        LastEntry = entry;
        for (var i = 0; i < entry.Events.Count; i++)
        {
            Apply(version, entry.Events[i]);
        }
    }

    private void Apply(long version, SagaEvent @event)
    {
        if (IsForeign && @event is not (SagaEvent.Claimed or SagaEvent.Settled or SagaEvent.Tombstone or SagaEvent.Unknown))
        {
            ApplyForeign(@event);
            return;
        }

        switch (@event)
        {
            case SagaEvent.Started started:
                DefinitionHash = started.DefinitionHash;
                Tenant = started.Tenant;
                _startedWith = _input = started.Input;
                TraceParent = Cause = started.TraceParent;
                break;
            case SagaEvent.Claimed claimed:
                HeldBy = claimed.ItemId;
                HeadMayHaveBeenTried |= claimed.Redelivered;
                Takeovers = claimed.Redelivered ? Takeovers + 1 : 0;
                _headSince = HeadMayHaveBeenTried ? _headSince : LastAt;
                Settled = null;
                WaitingAt = null;
                Reason = null;
                Fence = version;
                break;
            case SagaEvent.StepCompleted completed:
                Complete(Step(completed.StepId), completed.Result);
                break;
            case SagaEvent.OutcomeLearned learned:
                Complete(Step(learned.StepId), learned.Result);
                break;
            case SagaEvent.CompensationStarted started:
                Failure = started.Failure;
                IsBackward = true;
                Step(started.Failure.StepId).Fail(started.Failure);
                GotOn();
                Fence = version;
                break;
            case SagaEvent.StepCompensated compensated:
                Step(compensated.StepId).Settle(SagaStepStatus.Compensated);
                (_compensated ??= []).Add(compensated.StepId);
                GotOn();
                break;
            case SagaEvent.CompensationExhausted exhausted:
                Step(exhausted.Failure.StepId).Exhaust(exhausted.Episode, exhausted.Failure, version);
                GotOn();
                break;
            case SagaEvent.StepExhausted exhausted:
                Failure = exhausted.Failure;
                Step(exhausted.Failure.StepId).Exhaust(exhausted.Episode, exhausted.Failure, version);
                GotOn();
                break;
            case SagaEvent.MessageTaken taken:
                InboxSequence = taken.InboxSequence;
                Cause = Settled is null ? Cause : taken.Message.TraceParent;
                Take(version, taken.Message);
                break;
            case SagaEvent.Waiting waiting:
                WaitingAt = waiting.StepId;
                Step(waiting.StepId).WaitingSince ??= LastAt;
                Settled = SagaStatus.Waiting;
                Cause = null;
                GotOn();
                break;
            case SagaEvent.Settled settled:
                Settled = settled.Status;
                SettledAt = version;
                Reason = settled.Reason;
                Cause = null;
                break;
            case SagaEvent.Tombstone tombstone:
                Tombstone = tombstone;
                DefinitionHash = tombstone.DefinitionHash;
                Tenant = tombstone.Tenant;
                Settled = tombstone.Status;
                break;
            case SagaEvent.Unknown unknown:
                // Whether it rests is not known any more, until something that can be read says so.
                Unreadable ??= unknown.Kind;
                Settled = null;
                break;
            default:
                throw new SagaException($"Saga {id}: the journal holds {@event.GetType().Name}, which this version does not know. Update it.");
        }
    }

    /// <summary>What can be told without knowing the steps.</summary>
    private void ApplyForeign(SagaEvent @event)
    {
        switch (@event)
        {
            case SagaEvent.CompensationStarted started:
                Failure = started.Failure;
                IsBackward = true;
                break;
            case SagaEvent.StepExhausted exhausted:
                Failure = exhausted.Failure;
                break;
            case SagaEvent.MessageTaken taken:
                InboxSequence = taken.InboxSequence;
                break;
            case SagaEvent.Waiting waiting:
                WaitingAt = waiting.StepId;
                Settled = SagaStatus.Waiting;
                break;
            default:
                break;
        }
    }

    private void Complete(SagaStepState step, SagaValue result)
    {
        step.Complete(result);
        if (step.Step is SagaWaitStep { Signal: { } name } && _signals is not null && _signals.TryGetValue(name, out var values))
        {
            values.TryDequeue(out _);
        }

        GotOn();
    }

    private void GotOn()
    {
        HeadMayHaveBeenTried = false;
        Takeovers = 0;
        _headSince = LastAt;
    }

    private void Take(long version, SagaMessage message)
    {
        switch (message)
        {
            case SagaMessage.Decision decision:
                if (IsWaitingFor(decision) && Step(decision.StepId).Decide(decision))
                {
                    _input = decision.NewInput ?? _input;
                    Fence = version;
                }

                break;
            case SagaMessage.Cancellation cancellation:
                Cancellation ??= cancellation;
                break;
            case SagaMessage.Signal signal:
                _signals ??= new(StringComparer.Ordinal);
                if (!_signals.TryGetValue(signal.Name, out var values))
                {
                    _signals.Add(signal.Name, values = new());
                }

                values.Enqueue(signal.Value);
                break;
            default:
                throw new SagaException($"Saga {id}: the inbox holds {message.GetType().Name}, which this version does not know. Update it.");
        }
    }
}
