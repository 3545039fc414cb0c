using Topology.Resilience.Internal;
using Topology.Saga;

namespace Topology.Resilience;

/// <summary>Runs that arrive as messages and are carried out as sagas.</summary>
public static class SagaRunExtensions
{
    /// <summary>Starts the saga of a run, or finds the one that was started, however often its message arrives.</summary>
    /// <remarks>
    /// The saga has the run's id. A message that was redriven after its run had been compensated or cancelled begins it anew as
    /// <c>{runId}-r{n}</c>; one whose run is at work or has completed changes nothing. Acknowledge the message once this has returned.
    /// </remarks>
    /// <typeparam name="TInput">The input's type.</typeparam>
    /// <param name="sagas">The client.</param>
    /// <param name="definition">What a run does.</param>
    /// <param name="runId">The run's id, the same for every delivery and redrive.</param>
    /// <param name="input">The run's input.</param>
    /// <param name="redriveCount">How often the message came back from a dead-letter queue: <c>WorkMessage.RedriveCount</c>.</param>
    /// <param name="options">What else there is to say.</param>
    /// <param name="cancellationToken">Ends the wait; the saga may be started all the same.</param>
    /// <returns>The saga.</returns>
    /// <exception cref="SagaConflictException">The run was started with another input.</exception>
    /// <exception cref="SagaException">The run is still being compensated, or waits for an operator: it cannot begin anew yet.</exception>
    /// <exception cref="SagaStoreException">The store is full or cannot be reached.</exception>
    public static async ValueTask<SagaId> StartRunAsync<TInput>(
        this ISagaClient sagas,
        SagaDefinition<TInput> definition,
        string runId,
        TInput input,
        int redriveCount = 0,
        SagaStartOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sagas);
        ArgumentNullException.ThrowIfNull(definition);
        ArgumentException.ThrowIfNullOrEmpty(runId);
        ArgumentOutOfRangeException.ThrowIfNegative(redriveCount);
        var redrive = 0;
        if (redriveCount > 0
            && await RunIds.FindLatestAsync(sagas, definition.Name, runId, redriveCount, cancellationToken).ConfigureAwait(false) is var (saga, last))
        {
            redrive = saga.Status switch
            {
                SagaStatus.Compensated or SagaStatus.Cancelled => redriveCount,
                SagaStatus.Running or SagaStatus.Waiting or SagaStatus.Completed => last,
                SagaStatus.Compensating => throw new SagaException($"The run {saga.Id} is still being compensated; redrive its message when it has ended."),
                _ => throw new SagaException($"The run {saga.Id} is {saga.Status} and waits for an operator; it cannot begin anew."),
            };
        }

        var id = RunIds.Of(definition.Name, runId, redrive);
        return await sagas.StartAsync(definition, id.Value, input, options, cancellationToken).ConfigureAwait(false);
    }
}
