using System.Runtime.CompilerServices;

namespace Topology.Saga.Internal;

internal sealed class SagaClient(
    ISagaDispatcher dispatcher, ISagaJournal journal, ISagaInbox inbox, SagaRegistry registry, SagaSignals signals)
    : ISagaClient, ISagaOperator
{
    public async ValueTask<SagaId> StartAsync<TInput>(
        SagaDefinition<TInput> definition, string id, TInput input, SagaStartOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(definition);
        ArgumentNullException.ThrowIfNull(id);
        var tenant = options?.Tenant ?? "-";
        var sagaId = new SagaId(definition.Name, id).Checked(nameof(id));
        var start = new SagaStart(sagaId, definition.Hash, tenant, SagaValue.Create(input, definition.InputJson), SagaTracing.Current);

        // The journal first: after its end a saga's start is forgotten, and only the journal's tombstone tells that there was one.
        var known = await journal.ReadAsync(sagaId, 0, cancellationToken).ConfigureAwait(false);
        var difference = known.Count > 0
            ? Difference(SagaReader.Read(definition, sagaId, known), start)
            : !await dispatcher.TryStartAsync(start, cancellationToken).ConfigureAwait(false)
                && await dispatcher.FindStartAsync(sagaId, cancellationToken).ConfigureAwait(false) is { } first
                ? Difference(first.DefinitionHash, first.Tenant, SagaInputHash.Compute(first.Input), start)
                : null;
        return difference is null ? sagaId : throw new SagaConflictException(sagaId, difference);
    }

    public async ValueTask<SagaSnapshot?> GetAsync(SagaId id, CancellationToken cancellationToken)
    {
        var state = await ReadAsync(id, cancellationToken).ConfigureAwait(false);
        if (state.Version > 0)
        {
            return state.Snapshot();
        }

        var start = await dispatcher.FindStartAsync(id, cancellationToken).ConfigureAwait(false);
        return start is null ? null : state.Snapshot() with { Tenant = start.Tenant };
    }

    private ValueTask<SagaState> ReadAsync(SagaId id, CancellationToken cancellationToken) =>
        SagaReader.ReadAsync(journal, registry.Definition(id.Checked(nameof(id)).Definition), id, cancellationToken);

    public async ValueTask SignalAsync<T>(SagaId id, string name, T value, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        var definition = registry.Definition(id.Checked(nameof(id)).Definition);
        var waits = definition.Steps.OfType<SagaWaitStep>().Where(step => step.Signal == name).ToArray();
        if (waits.OfType<ISagaSignalType<T>>().FirstOrDefault() is not { } step)
        {
            throw new SagaException(waits.Length == 0
                ? $"No step of saga '{definition.Name}' waits for a signal '{name}'."
                : $"The signal '{name}' of saga '{definition.Name}' carries a {waits[0].ResultType}, not a {typeof(T)}.");
        }

        await TellAsync(id, new SagaMessage.Signal(name, SagaValue.Create(value, step.Json)), cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask CancelAsync(SagaId id, string reason, bool compensate, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(reason);
        await TellAsync(id, new SagaMessage.Cancellation(compensate, "client", reason), cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask CancelAsync(SagaId id, string actor, string reason, bool compensate, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(actor);
        ArgumentException.ThrowIfNullOrWhiteSpace(reason);
        await TellAsync(id, new SagaMessage.Cancellation(compensate, actor, reason), cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask<SagaSnapshot> WaitAsync(SagaId id, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var signal = signals.Next(id);
                if (await IsSettledAsync(id, cancellationToken).ConfigureAwait(false)
                    && await GetAsync(id, cancellationToken).ConfigureAwait(false) is { IsSettled: true } found)
                {
                    return found;
                }

                if (await signal.WaitAsync(cancellationToken).ConfigureAwait(false) is { IsSettled: true } told)
                {
                    return told;
                }
            }
        }
        finally
        {
            // Whoever else waits for it looks again, and nothing is kept of a saga that another process runs.
            signals.Raise(id);
        }
    }

    /// <summary>Tells from the latest event, which costs less than to apply them all.</summary>
    private async ValueTask<bool> IsSettledAsync(SagaId id, CancellationToken cancellationToken)
    {
        var stored = await journal.ReadAsync(id.Checked(nameof(id)), 0, cancellationToken).ConfigureAwait(false);
        if (stored.Count > 0)
        {
            return stored[^1].Entry.Events[^1] is SagaEvent.Settled or SagaEvent.Tombstone;
        }

        return await dispatcher.FindStartAsync(id, cancellationToken).ConfigureAwait(false) is null ? throw NeverStarted(id) : false;
    }

    public async IAsyncEnumerable<SagaSnapshot> ListAsync(
        string definition, SagaStatus? status, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(definition);
        registry.Definition(definition);
        await foreach (var (id, _) in journal.ListAsync(definition, cancellationToken).ConfigureAwait(false))
        {
            var saga = await GetAsync(id, cancellationToken).ConfigureAwait(false);
            if (saga is not null && (status is null || saga.Status == status))
            {
                yield return saga;
            }
        }
    }

    public ValueTask<SagaSnapshot> RetryWithInputAsync<TInput>(
        SagaDefinition<TInput> definition, SagaId id, string stepId, TInput input, string actor, string reason, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(definition);
        return DecideAsync(id, new(SagaVerb.Retry, stepId, actor, reason, SagaValue.Create(input, definition.InputJson)), cancellationToken);
    }

    public async ValueTask<SagaSnapshot> DecideAsync(SagaId id, SagaMessage.Decision decision, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(decision);
        var state = await ReadAsync(id, cancellationToken).ConfigureAwait(false);
        decision = decision.Seen == 0 ? decision with { Seen = state.Version } : decision;
        var saga = state.Version > 0 ? state.Snapshot() : await GetAsync(id, cancellationToken).ConfigureAwait(false) ?? throw NeverStarted(id);
        if (state.IsForeign)
        {
            throw new SagaException($"Saga {id} runs by another version of its definition, or of this package, than this process knows; decide in a process that knows it.");
        }

        var step = saga.Steps.FirstOrDefault(step => step.StepId == decision.StepId)
            ?? throw new SagaException($"Saga {id} has no step '{decision.StepId}'; it has {string.Join(", ", saga.Steps.Select(s => s.StepId))}.");
        if (step.Status != SagaStepStatus.Exhausted && saga.Status != SagaStatus.Parked)
        {
            throw new SagaException($"Saga {id}: step '{decision.StepId}' is {step.Status} and waits for no decision.");
        }

        if (state.Version > 0 && (step.Status == SagaStepStatus.Exhausted ? !state.IsWaitingFor(decision) : decision.Seen < state.SettledAt))
        {
            throw new SagaException($"Saga {id}: the decision is about version {decision.Seen}; step '{decision.StepId}' came to rest again since. Look at it again.");
        }

        if (saga.Status is not (SagaStatus.CompensationFailed or SagaStatus.Compensating) && decision.Verb != SagaVerb.Retry)
        {
            throw new SagaException($"Saga {id} is {saga.Status}: step '{decision.StepId}' can only be retried.");
        }

        if (saga.Status == SagaStatus.Parked && decision.NewInput is not null)
        {
            // An earlier owner may have had an effect under the present key; a new key would have it twice.
            throw new SagaException($"Saga {id} is Parked: it can only be retried with the input it has.");
        }

        await TellAsync(id, decision, cancellationToken).ConfigureAwait(false);
        return saga;
    }

    private async ValueTask TellAsync(SagaId id, SagaMessage message, CancellationToken cancellationToken)
    {
        if (await dispatcher.FindStartAsync(id.Checked(nameof(id)), cancellationToken).ConfigureAwait(false) is null)
        {
            if ((await journal.ReadAsync(id, 0, cancellationToken).ConfigureAwait(false)).Count == 0)
            {
                throw NeverStarted(id);
            }

            // Its start is forgotten, so it has ended, and an ended saga hears nothing.
            return;
        }

        // The message first, the wake-up second: whoever is woken finds it.
        await inbox.PostAsync(id, message with { TraceParent = SagaTracing.Current }, cancellationToken).ConfigureAwait(false);
        await dispatcher.WakeAsync(id, cancellationToken).ConfigureAwait(false);
    }

    private static SagaException NeverStarted(SagaId id) => new($"Saga {id} was never started.");

    private static string? Difference(SagaState first, SagaStart second) =>
        Difference(first.DefinitionHash!, first.Tenant, first.InputHash(), second);

    private static string? Difference(string definitionHash, string tenant, string inputHash, SagaStart second) => second switch
    {
        _ when definitionHash != second.DefinitionHash => "another version of its definition",
        _ when tenant != second.Tenant => "another tenant",
        _ when inputHash != SagaInputHash.Compute(second.Input) => "another input",
        _ => null,
    };
}
