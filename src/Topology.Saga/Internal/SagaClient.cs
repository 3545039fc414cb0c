using System.Diagnostics;
using System.Runtime.CompilerServices;

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
        var trace = Activity.Current is { IdFormat: ActivityIdFormat.W3C, Id: { } current } ? current : null;
        var start = new SagaStart(sagaId, definition.Hash, tenant, SagaValue.Create(input, definition.InputJson), trace);
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

    public async IAsyncEnumerable<SagaSnapshot> ListAsync(
        string definition, SagaStatus? status, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(definition);
        registry.Definition(definition);
        await foreach (var id in journal.ListAsync(definition, cancellationToken).ConfigureAwait(false))
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
        var saga = await GetAsync(id, cancellationToken).ConfigureAwait(false) ?? throw NeverStarted(id);
        var step = saga.Steps.FirstOrDefault(step => step.StepId == decision.StepId)
            ?? throw new SagaException($"Saga {id} has no step '{decision.StepId}'; it has {string.Join(", ", saga.Steps.Select(s => s.StepId))}.");
        if (step.Status != SagaStepStatus.Exhausted && saga.Status != SagaStatus.Parked)
        {
            throw new SagaException($"Saga {id}: step '{decision.StepId}' is {step.Status} and waits for no decision.");
        }

        if (saga.Status is not (SagaStatus.CompensationFailed or SagaStatus.Compensating) && decision.Verb != SagaVerb.Retry)
        {
            throw new SagaException($"Saga {id} is {saga.Status}: step '{decision.StepId}' can only be retried.");
        }

        await TellAsync(id, decision, cancellationToken).ConfigureAwait(false);
        return saga;
    }

    private async ValueTask TellAsync(SagaId id, SagaMessage message, CancellationToken cancellationToken)
    {
        if (await dispatcher.FindStartAsync(id.Checked(nameof(id)), cancellationToken).ConfigureAwait(false) is null)
        {
            throw NeverStarted(id);
        }

        // The message first, the wake-up second: whoever is woken finds it.
        await inbox.PostAsync(id, message, cancellationToken).ConfigureAwait(false);
        await dispatcher.WakeAsync(id, cancellationToken).ConfigureAwait(false);
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
