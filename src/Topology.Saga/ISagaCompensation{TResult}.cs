namespace Topology.Saga;

/// <summary>Undoes a step whose result is a <typeparamref name="TResult"/>.</summary>
/// <typeparam name="TResult">The step's result.</typeparam>
public interface ISagaCompensation<TResult> : ISagaCompensation
{
    /// <inheritdoc/>
    static Type? ISagaCompensation.ResultType => typeof(TResult);

    /// <summary>Undoes the step. May be called more than once for the same step, with the same key.</summary>
    /// <param name="context">The step's result if there is one, and the key to deduplicate by.</param>
    /// <param name="cancellationToken">Cancelled when the try has used up its time or the host stops; never by the saga's caller.</param>
    ValueTask CompensateAsync(SagaCompensationContext<TResult> context, CancellationToken cancellationToken);

    /// <inheritdoc/>
    ValueTask ISagaCompensation.CompensateAsync(SagaCompensationContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        return CompensateAsync(new SagaCompensationContext<TResult>(context), cancellationToken);
    }
}
