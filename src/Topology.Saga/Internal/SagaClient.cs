namespace Topology.Saga.Internal;

internal sealed class SagaClient(
    ISagaDispatcher dispatcher, ISagaJournal journal, ISagaInbox inbox, SagaRegistry registry, SagaSignals signals, TimeProvider time)
    : ISagaClient, ISagaOperator
{
    /// <summary>For a saga that another process runs; one that this process runs is told by a signal.</summary>
    private static readonly TimeSpan _lookAgain = TimeSpan.FromMilliseconds(250);

    public async ValueTask<SagaId> StartAsync<TInput>(
        SagaDefinition<TInput> definition, string id, TInput input, SagaStartOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(definition);
        ArgumentNullException.ThrowIfNull(id);
        var tenant = options?.Tenant ?? "-";
        var sagaId = new SagaId(definition.Name, id).Checked(nameof(id));
        var start = new SagaStart(sagaId, definition.Hash, tenant, SagaValue.Create(input, definition.InputJson));
        if (!await dispatcher.TryStartAsync(start, cancellationToken).ConfigureAwait(false))
        {
            var first = await dispatcher.FindStartAsync(sagaId, cancellationToken).ConfigureAwait(false);
            if (first is not null && Difference(first, start) is { } difference)
            {
                throw new SagaConflictException(sagaId, difference);
            }
        }

        return sagaId;
    }

    public async ValueTask<SagaSnapshot?> GetAsync(SagaId id, CancellationToken cancellationToken)
    {
        var definition = registry.Definition(id.Checked(nameof(id)).Definition);
        var state = await SagaReader.ReadAsync(journal, definition, id, cancellationToken).ConfigureAwait(false);
        if (state.Version > 0)
        {
            return state.Snapshot();
        }

        var start = await dispatcher.FindStartAsync(id, cancellationToken).ConfigureAwait(false);
        return start is null ? null : state.Snapshot() with { Tenant = start.Tenant };
    }

    public async ValueTask<SagaSnapshot> WaitAsync(SagaId id, CancellationToken cancellationToken)
    {
        while (true)
        {
            var signal = signals.Next(id);
            var saga = await GetAsync(id, cancellationToken).ConfigureAwait(false) ?? throw NeverStarted(id);
            if (saga.IsSettled)
            {
                signals.Raise(id);
                return saga;
            }

            try
            {
                await signal.WaitAsync(_lookAgain, time, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                // Look again.
            }
        }
    }

    public async ValueTask<SagaSnapshot> DecideAsync(SagaId id, SagaCommand command, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(command);
        var saga = await GetAsync(id, cancellationToken).ConfigureAwait(false) ?? throw NeverStarted(id);
        var step = saga.Steps.FirstOrDefault(step => step.StepId == command.StepId)
            ?? throw new SagaException($"Saga {id} has no step '{command.StepId}'; it has {string.Join(", ", saga.Steps.Select(s => s.StepId))}.");
        if (step.Status != SagaStepStatus.Exhausted)
        {
            throw new SagaException($"Saga {id}: step '{command.StepId}' is {step.Status} and waits for no decision.");
        }

        if (saga.Status is SagaStatus.Running or SagaStatus.Stuck && command.Verb != SagaVerb.Retry)
        {
            throw new SagaException($"Saga {id} is past its point of no return: step '{command.StepId}' can only be retried.");
        }

        // The decision first, the wake-up second: whoever is woken finds it.
        await inbox.PostAsync(id, command, cancellationToken).ConfigureAwait(false);
        await dispatcher.WakeAsync(id, cancellationToken).ConfigureAwait(false);
        return saga;
    }

    private static SagaException NeverStarted(SagaId id) => new($"Saga {id} was never started.");

    private static string? Difference(SagaStart first, SagaStart second) => (first, second) switch
    {
        _ when first.DefinitionHash != second.DefinitionHash => "another version of its definition",
        _ when first.Tenant != second.Tenant => "another tenant",
        _ when !first.Input.ToJson().Span.SequenceEqual(second.Input.ToJson().Span) => "another input",
        _ => null,
    };
}
