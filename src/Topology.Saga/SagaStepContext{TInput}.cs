using Topology.Saga.Internal;

namespace Topology.Saga;

/// <summary>What one try of a step is given. Valid during the try only; not safe for concurrent use.</summary>
/// <typeparam name="TInput">What the saga is started with.</typeparam>
public sealed class SagaStepContext<TInput>
{
    private readonly SagaTry _try;

    internal SagaStepContext(SagaTry @try)
    {
        _try = @try;
        Input = @try.State.InputOf<TInput>();
    }

    /// <summary>Gets the saga.</summary>
    public SagaId SagaId => _try.State.Id;

    /// <summary>Gets the tenant the saga was started for, <c>-</c> when none was named.</summary>
    public string Tenant => _try.State.Tenant;

    /// <summary>Gets the step.</summary>
    public string StepId => _try.Step.Id;

    /// <summary>Gets what the saga was started with.</summary>
    public TInput Input { get; }

    /// <summary>Gets the key to deduplicate by: the same for every try of this step, over crashes and take-overs too.</summary>
    /// <value><c>{tenant}:{saga}:{step}:do:{round}</c>, each part percent-encoded.</value>
    public string IdempotencyKey => _try.Key.ToString();

    /// <summary>Gets a number that only grows within a saga. Refuse one lower than you have seen for this saga and step.</summary>
    public long FencingToken => _try.Fence;

    /// <summary>Gets the number of this try, from 1, as counted by the present owner of the saga.</summary>
    public int Attempt => _try.Attempt;

    /// <summary>Gets the services of this try's own scope.</summary>
    public IServiceProvider Services => _try.Services;

    /// <summary>Returns the result of an earlier step.</summary>
    /// <typeparam name="T">The result's type, as the step declares it.</typeparam>
    /// <param name="stepId">The step.</param>
    /// <exception cref="SagaException">The step has no result of that type, or has not completed.</exception>
    public T Result<T>(string stepId) => _try.State.ResultOf<T>(stepId);
}
