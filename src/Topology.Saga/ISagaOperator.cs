namespace Topology.Saga;

/// <summary>What an operator may do with a saga that rests. Safe for concurrent use.</summary>
public interface ISagaOperator
{
    /// <summary>Reads the sagas of a definition, in no order. Reads each journal: for people, not for hot paths.</summary>
    /// <param name="definition">The definition's name; this process must have registered it.</param>
    /// <param name="status">Only those in this state; <see langword="null"/> for all.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="SagaException">The definition is not registered.</exception>
    IAsyncEnumerable<SagaSnapshot> ListAsync(string definition, SagaStatus? status = null, CancellationToken cancellationToken = default);

    /// <summary>Records a decision about an exhausted step or compensation, or a parked saga. Carried out by the worker that runs the saga.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="decision">The decision.</param>
    /// <param name="cancellationToken">Ends the wait; the decision may be recorded all the same.</param>
    /// <exception cref="SagaException">The saga was never started, has no such step, the step waits for no decision, came to rest again after the version that was seen, or the saga runs by another version of its definition.</exception>
    /// <returns>How the saga was when the decision was recorded.</returns>
    ValueTask<SagaSnapshot> DecideAsync(SagaId id, SagaMessage.Decision decision, CancellationToken cancellationToken = default);

    /// <summary>Records a decision to try again with another input: the effects of the step get a new key.</summary>
    /// <typeparam name="TInput">The input's type.</typeparam>
    /// <param name="definition">The saga's definition.</param>
    /// <param name="id">The saga.</param>
    /// <param name="stepId">The step.</param>
    /// <param name="input">The input from now on.</param>
    /// <param name="actor">Who decided.</param>
    /// <param name="reason">Why.</param>
    /// <param name="cancellationToken">Ends the wait; the decision may be recorded all the same.</param>
    /// <exception cref="SagaException">As for <see cref="DecideAsync"/>, and for a parked saga: a new key could have its effect twice.</exception>
    ValueTask<SagaSnapshot> RetryWithInputAsync<TInput>(
        SagaDefinition<TInput> definition, SagaId id, string stepId, TInput input, string actor, string reason, CancellationToken cancellationToken = default);

    /// <summary>Asks a saga to end without completing, as <see cref="ISagaClient.CancelAsync"/> does, in somebody's name.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="actor">Who decided.</param>
    /// <param name="reason">Why.</param>
    /// <param name="compensate">Whether what was done is undone. Otherwise it stays as it is.</param>
    /// <param name="cancellationToken">Ends the wait; the request may be stored all the same.</param>
    /// <exception cref="SagaException">The saga was never started.</exception>
    ValueTask CancelAsync(SagaId id, string actor, string reason, bool compensate = true, CancellationToken cancellationToken = default);
}
