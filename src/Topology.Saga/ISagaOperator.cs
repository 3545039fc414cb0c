namespace Topology.Saga;

/// <summary>What an operator may do with a saga that rests. Safe for concurrent use.</summary>
public interface ISagaOperator
{
    /// <summary>Records a decision about an exhausted step or compensation. Carried out by the worker that runs the saga.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="command">The decision.</param>
    /// <param name="cancellationToken">Ends the wait; the decision may be recorded all the same.</param>
    /// <exception cref="SagaException">The saga was never started, has no such step, or the step waits for no decision.</exception>
    /// <returns>How the saga was when the decision was recorded.</returns>
    ValueTask<SagaSnapshot> DecideAsync(SagaId id, SagaCommand command, CancellationToken cancellationToken = default);
}
