namespace Topology.Saga.Internal;

/// <summary>What the journal says about a saga. Changed only by applying entries, so that reading and running agree.</summary>
internal sealed class SagaState(SagaId id, SagaDefinition definition)
{
    private readonly SagaStepState[] _steps = [.. definition.Steps.Select(step => new SagaStepState(step))];
    private readonly List<SagaStepState> _completed = [];
    private readonly List<string> _compensated = [];
    private readonly Dictionary<string, Queue<SagaValue>> _signals = new(StringComparer.Ordinal);
    private SagaValue? _input;
    private SagaValue? _startedWith;
    private DateTimeOffset _headSince;

    public SagaId Id => id;

    public SagaDefinition Definition => definition;

    public string? DefinitionHash { get; private set; }

    public string Tenant { get; private set; } = "-";

    public long Version { get; private set; }

    public long Fence { get; private set; }

    public long InboxSequence { get; private set; }

    public string? HeldBy { get; private set; }

    /// <summary>The trace context of whoever started the saga.</summary>
    public string? TraceParent { get; private set; }

    /// <summary>The trace context of what made the saga go on: its start, or what was said to it while it waited or rested.</summary>
    public string? Cause { get; private set; }

    public DateTimeOffset StartedAt { get; private set; }

    /// <summary>When the latest entry was stored, by the store's clock.</summary>
    public DateTimeOffset LastAt { get; private set; }

    /// <summary>The message that asked for the end, as long as it has not been followed or become void.</summary>
    public SagaMessage.Cancellation? Cancellation { get; private set; }

    /// <summary>The step the saga waits at; null when it does not wait.</summary>
    public string? WaitingAt { get; private set; }

    /// <summary>Claims by redelivered items since the saga last got on.</summary>
    public int Takeovers { get; private set; }

    public string? Reason { get; private set; }

    /// <summary>Whether an earlier owner may have tried the step or compensation that is next.</summary>
    public bool HeadMayHaveBeenTried { get; private set; }

    /// <summary>Whether the step that is next was tried before: by an earlier owner, or until an operator had to decide.</summary>
    public bool HeadWasTried => HeadMayHaveBeenTried || NextStep is { Episode: > 0 };

    /// <summary>The time since the step or compensation that is next may first have been tried, as of the latest entry.</summary>
    public TimeSpan HeadAge => LastAt - _headSince;

    public SagaFailure? Failure { get; private set; }

    /// <summary>Null while an owner works on the saga.</summary>
    public SagaStatus? Settled { get; private set; }

    public bool IsBackward { get; private set; }

    public bool IsFinal => Settled is SagaStatus.Completed or SagaStatus.Compensated or SagaStatus.Cancelled;

    public bool IsPastPivot => Array.Exists(_steps, step => step.Step.Kind == SagaStepKind.Pivot && step.Result is not null);

    public SagaStatus Status => Settled ?? (IsBackward ? SagaStatus.Compensating : SagaStatus.Running);

    public IReadOnlyList<SagaStepState> Steps => _steps;

    public SagaStepState? NextStep => Array.Find(_steps, step => step.Result is null);

    /// <summary>The steps to undo, in the order in which that is done: the one of unknown outcome first, then the last completed.</summary>
    public IEnumerable<SagaStepState> ToUndo =>
        _steps.Where(step => step.FailedUnknown).Concat(Enumerable.Reverse(_completed).Where(step => !step.FailedUnknown));

    public SagaStepState Step(string stepId) =>
        Array.Find(_steps, step => step.Step.Id == stepId) ?? throw new SagaException($"Saga {id}: there is no step '{stepId}'.");

    public bool HasResult(string stepId) => Step(stepId).Result is not null;

    public TInput InputOf<TInput>() => definition is SagaDefinition<TInput> typed
        ? _input!.Get(typed.InputJson)
        : throw new SagaException($"Saga {id}: the input is a {definition.InputType}, not a {typeof(TInput)}.");

    public T ResultOf<T>(string stepId)
    {
        var step = Step(stepId);
        return (step.Result, step.Step) switch
        {
            (null, _) => throw new SagaException($"Saga {id}: step '{stepId}' has not completed, so it has no result."),
            ({ } value, ISagaResultReader<T> reader) => reader.Read(value),
            _ => throw new SagaException(
                $"Saga {id}: the result of step '{stepId}' is {step.Step.ResultType?.ToString() ?? "nothing"}, not a {typeof(T)}."),
        };
    }

    public SagaEffectKey Key(SagaStepState step, bool undo) => new(Tenant, id, step.Step.Id, undo, step.Round);

    public SagaValue? Signal(string name) => _signals.TryGetValue(name, out var values) && values.TryPeek(out var value) ? value : null;

    public void Apply(long version, DateTimeOffset at, SagaEntry entry)
    {
        StartedAt = Version == 0 ? at : StartedAt;
        LastAt = at;
        Version = version;
        foreach (var @event in entry.Events)
        {
            Apply(version, @event);
        }
    }

    /// <summary>What is left once the history is deleted; null before.</summary>
    public SagaEvent.Tombstone? Tombstone { get; private set; }

    public SagaSnapshot Snapshot() => new(
        id, Status, Tenant, Failure, Tombstone is null && !IsForeign ? [.. _steps.Select(step => step.Snapshot(this))] : [], [.. _compensated], Reason, Version);

    /// <summary>Makes the tombstone of a saga that has ended.</summary>
    public SagaEvent.Tombstone Bury() => new(Status, DefinitionHash!, Tenant, InputHash());

    public string InputHash() => Tombstone?.InputHash ?? SagaInputHash.Compute(_startedWith!);

    /// <summary>Whether it runs by another definition than this one; then its steps mean nothing here.</summary>
    public bool IsForeign => DefinitionHash is not null && DefinitionHash != definition.Hash;

    private void Apply(long version, SagaEvent @event)
    {
        if (IsForeign && @event is not (SagaEvent.Claimed or SagaEvent.Settled or SagaEvent.Tombstone))
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
                _compensated.Add(compensated.StepId);
                GotOn();
                break;
            case SagaEvent.CompensationExhausted exhausted:
                Step(exhausted.Failure.StepId).Exhaust(exhausted.Episode, exhausted.Failure);
                GotOn();
                break;
            case SagaEvent.StepExhausted exhausted:
                Failure = exhausted.Failure;
                Step(exhausted.Failure.StepId).Exhaust(exhausted.Episode, exhausted.Failure);
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
                Reason = settled.Reason;
                Cause = null;
                break;
            case SagaEvent.Tombstone tombstone:
                Tombstone = tombstone;
                DefinitionHash = tombstone.DefinitionHash;
                Tenant = tombstone.Tenant;
                Settled = tombstone.Status;
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
        _completed.Add(step);
        if (step.Step is SagaWaitStep { Signal: { } name } && _signals.TryGetValue(name, out var values))
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
                if (Step(decision.StepId).Decide(decision))
                {
                    _input = decision.NewInput ?? _input;
                    Fence = version;
                }

                break;
            case SagaMessage.Cancellation cancellation:
                Cancellation ??= cancellation;
                break;
            case SagaMessage.Signal signal:
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
