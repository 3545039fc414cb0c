namespace Topology.Saga.Internal;

internal sealed class SagaStepState(SagaStep step)
{
    private long _exhaustedAt;
    private long _waitingSince;

    public SagaStep Step => step;

    public SagaValue? Result { get; private set; }

    /// <summary>Failed so that nobody knows whether it had an effect; it is undone first.</summary>
    public bool FailedUnknown { get; private set; }

    public SagaFailure? LastFailure { get; private set; }

    /// <summary>When the saga began to wait at it, by the store's clock.</summary>
    public DateTimeOffset? WaitingSince
    {
        get => _waitingSince == 0 ? null : new DateTimeOffset(_waitingSince, TimeSpan.Zero);
        set => _waitingSince = value?.UtcTicks ?? 0;
    }

    /// <summary>How often its compensation, or the step itself after the pivot, has used up its tries.</summary>
    public int Episode { get; private set; }

    public bool IsExhausted { get; private set; }

    /// <summary>Part of the effects' keys; grows only with new input.</summary>
    public int Round { get; private set; } = 1;

    /// <summary>Null until it is undone, or an operator said that it need not be.</summary>
    public SagaStepStatus? Undone { get; private set; }

    /// <summary>Whether there is, or may be, something to undo.</summary>
    public bool HasEffect => FailedUnknown || Result is not null;

    public void Complete(SagaValue result)
    {
        Result = result;
        IsExhausted = false;
    }

    public void Fail(SagaFailure failure)
    {
        LastFailure = failure;
        FailedUnknown = !failure.Rejected;
    }

    public void Exhaust(int episode, SagaFailure failure, long version)
    {
        _exhaustedAt = version;
        Episode = episode;
        LastFailure = failure;
        IsExhausted = true;
    }

    public void Settle(SagaStepStatus status)
    {
        Undone = status;
        IsExhausted = false;
    }

    /// <summary>Whether a decision is about the tries that were used up last, and was not made already.</summary>
    public bool IsWaitingFor(SagaMessage.Decision decision) => IsExhausted && (decision.Seen == 0 || decision.Seen >= _exhaustedAt);

    public bool Decide(SagaMessage.Decision decision)
    {
        if (!IsWaitingFor(decision))
        {
            return false;
        }

        IsExhausted = false;
        WaitingSince = null;
        Round += decision.NewInput is null ? 0 : 1;
        Undone = decision.Verb switch
        {
            SagaVerb.Skip => SagaStepStatus.Skipped,
            SagaVerb.MarkCompensated => SagaStepStatus.MarkedCompensated,
            _ => null,
        };
        return true;
    }

    public SagaStepSnapshot Snapshot(SagaId id)
    {
        var status = Undone ?? this switch
        {
            { IsExhausted: true } => SagaStepStatus.Exhausted,
            { Result: not null } => SagaStepStatus.Completed,
            { FailedUnknown: true } => SagaStepStatus.OutcomeUnknown,
            _ => LastFailure is { Rejected: true } ? SagaStepStatus.Rejected : SagaStepStatus.Pending,
        };
        return status == SagaStepStatus.Completed && LastFailure is null && Episode == 0
            ? step.Completed
            : new(step.Id, status, Episode > 0 ? SagaLetterId.Compute(id, step.Id, Episode) : null, LastFailure);
    }
}
