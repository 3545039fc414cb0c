namespace Topology.Saga;

/// <summary>What one try of a compensation with a typed result is given. Valid during the try only.</summary>
/// <typeparam name="TResult">The step's result.</typeparam>
public sealed class SagaCompensationContext<TResult>
{
    private readonly SagaCompensationContext _context;

    internal SagaCompensationContext(SagaCompensationContext context)
    {
        _context = context;
        Result = context.OutcomeUnknown ? default : context.Result<TResult>(context.StepId);
    }

    /// <summary>Gets the step's result; the type's default when <see cref="OutcomeUnknown"/>.</summary>
    public TResult? Result { get; }

    /// <summary>Gets whether nobody knows if the step had an effect. Then there is no result, and undoing nothing is a success.</summary>
    public bool OutcomeUnknown => _context.OutcomeUnknown;

    /// <summary>Gets the saga.</summary>
    public SagaId SagaId => _context.SagaId;

    /// <summary>Gets the tenant the saga was started for, <c>-</c> when none was named.</summary>
    public string Tenant => _context.Tenant;

    /// <summary>Gets the step that is undone.</summary>
    public string StepId => _context.StepId;

    /// <summary>Gets why the saga is being undone.</summary>
    public SagaFailure Cause => _context.Cause;

    /// <summary>Gets the key to deduplicate by: the same for every try of this compensation, over crashes and take-overs too.</summary>
    public string IdempotencyKey => _context.IdempotencyKey;

    /// <summary>Gets a number that is higher than the step itself was ever given.</summary>
    public long FencingToken => _context.FencingToken;

    /// <summary>Gets the number of this try, from 1, as counted by the present owner of the saga.</summary>
    public int Attempt => _context.Attempt;

    /// <summary>Gets the services of this try's own scope.</summary>
    public IServiceProvider Services => _context.Services;

    /// <summary>Returns what the saga was started with.</summary>
    /// <typeparam name="TInput">The input's type.</typeparam>
    /// <exception cref="SagaException">The saga's input is of another type.</exception>
    public TInput Input<TInput>() => _context.Input<TInput>();

    /// <summary>Returns the result of another step that has completed.</summary>
    /// <typeparam name="T">The result's type, as the step declares it.</typeparam>
    /// <param name="stepId">The step.</param>
    /// <exception cref="SagaException">The step has no result of that type, or has not completed.</exception>
    public T ResultOf<T>(string stepId) => _context.Result<T>(stepId);
}
