namespace Topology.Saga.Internal;

/// <summary>What the journal says about a saga. Changed only by applying entries, so that reading and running agree.</summary>
internal sealed partial class SagaState(SagaId id, SagaDefinition definition)
{
    private readonly SagaStepState[] _steps = Begin(definition);
    private List<string>? _compensated;
    private Dictionary<string, Queue<SagaValue>>? _signals;
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

    /// <summary>What was written last.</summary>
    public SagaEntry? LastEntry { get; private set; }

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

    /// <summary>The version at which it last ended or came to rest.</summary>
    public long SettledAt { get; private set; }

    /// <summary>Null while an owner works on the saga.</summary>
    public SagaStatus? Settled { get; private set; }

    public bool IsBackward { get; private set; }

    public bool IsFinal => Settled is SagaStatus.Completed or SagaStatus.Compensated or SagaStatus.Cancelled;

    public bool IsPastPivot => Array.Exists(_steps, static step => step.Step.Kind == SagaStepKind.Pivot && step.Result is not null);

    public SagaStatus Status => Settled ?? (IsBackward ? SagaStatus.Compensating : SagaStatus.Running);

    public IReadOnlyList<SagaStepState> Steps => _steps;

    public SagaStepState? NextStep => Array.Find(_steps, static step => step.Result is null);

    /// <summary>Whether there are letters of it, open or closed.</summary>
    public bool HasLetters => Array.Exists(_steps, static step => step.Episode > 0);

    public SagaStepState Step(string stepId) =>
        Find(stepId) ?? throw new SagaException($"Saga {id}: there is no step '{stepId}'.");

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

    public SagaValue? Signal(string name) => _signals is not null && _signals.TryGetValue(name, out var values) && values.TryPeek(out var value) ? value : null;

    /// <summary>What is left once the history is deleted; null before.</summary>
    public SagaEvent.Tombstone? Tombstone { get; private set; }

    public SagaSnapshot Snapshot()
    {
        var steps = Tombstone is null && !IsForeign ? new SagaStepSnapshot[_steps.Length] : [];
        for (var i = 0; i < steps.Length; i++)
        {
            steps[i] = _steps[i].Snapshot(id);
        }

        return new(id, Status, Tenant, Failure, steps, _compensated is null ? [] : [.. _compensated], Reason, Version);
    }

    /// <summary>Makes the tombstone of a saga that has ended.</summary>
    public SagaEvent.Tombstone Bury() => new(Status, DefinitionHash!, Tenant, InputHash());

    public string InputHash() => Tombstone?.InputHash ?? SagaInputHash.Compute(_startedWith!);

    /// <summary>Whether it runs by another definition than this one; then its steps mean nothing here.</summary>
    public bool IsForeign => Unreadable is not null || (DefinitionHash is not null && DefinitionHash != definition.Hash);

    /// <summary>The first event that a newer version wrote and this one cannot read; null when there is none.</summary>
    public string? Unreadable { get; private set; }

    /// <summary>Whether a decision is about what waits for one now, and not about what was decided before.</summary>
    public bool IsWaitingFor(SagaMessage.Decision decision) => Settled == SagaStatus.Parked
        ? decision.Seen == 0 || decision.Seen >= SettledAt
        : IsForeign || Find(decision.StepId)?.IsWaitingFor(decision) == true;

    private static SagaStepState[] Begin(SagaDefinition definition)
    {
        var steps = new SagaStepState[definition.Steps.Count];
        for (var i = 0; i < steps.Length; i++)
        {
            steps[i] = new(definition.Steps[i]);
        }

        return steps;
    }

    private SagaStepState? Find(string stepId)
    {
        foreach (var step in _steps)
        {
            if (step.Step.Id == stepId)
            {
                return step;
            }
        }

        return null;
    }
}
