using Topology.Saga.Internal;

namespace Topology.Saga;

/// <summary>What one try of a compensation is given. Valid during the try only; not safe for concurrent use.</summary>
public sealed class SagaCompensationContext
{
    private readonly SagaTry _try;

    internal SagaCompensationContext(SagaTry @try) => _try = @try;

    /// <summary>Gets the saga.</summary>
    public SagaId SagaId => _try.State.Id;

    /// <summary>Gets the tenant the saga was started for, <c>-</c> when none was named.</summary>
    public string Tenant => _try.State.Tenant;

    /// <summary>Gets the step that is undone.</summary>
    public string StepId => _try.Step.Id;

    /// <summary>Gets whether nobody knows if the step had an effect. Then there is no result, and undoing nothing is a success.</summary>
    public bool OutcomeUnknown => !_try.State.HasResult(StepId);

    /// <summary>Gets why the saga is being undone.</summary>
    public SagaFailure Cause => _try.State.Failure!;

    /// <summary>Gets the key to deduplicate by: the same for every try of this compensation, over crashes and take-overs too.</summary>
    /// <value><c>{tenant}:{saga}:{step}:undo:{round}</c>, each part percent-encoded.</value>
    public string IdempotencyKey => _try.Key.ToString();

    /// <summary>Gets a number that is higher than the step itself was ever given.</summary>
    public long FencingToken => _try.Fence;

    /// <summary>Gets the number of this try, from 1, as counted by the present owner of the saga.</summary>
    public int Attempt => _try.Attempt;

    /// <summary>Gets the services of this try's own scope.</summary>
    public IServiceProvider Services => _try.Services;

    /// <summary>Returns what the saga was started with.</summary>
    /// <typeparam name="TInput">The input's type.</typeparam>
    /// <exception cref="SagaException">The saga's input is of another type.</exception>
    public TInput Input<TInput>() => _try.State.InputOf<TInput>();

    /// <summary>Returns the result of a step that has completed, this one included.</summary>
    /// <typeparam name="T">The result's type, as the step declares it.</typeparam>
    /// <param name="stepId">The step.</param>
    /// <exception cref="SagaException">The step has no result of that type, or has not completed.</exception>
    public T Result<T>(string stepId) => _try.State.ResultOf<T>(stepId);
}
