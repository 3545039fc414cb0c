namespace Topology.Saga;

/// <summary>Undoes a step. Registered under the name that the compensation table uses, such as <c>refund_transaction</c>.</summary>
/// <remarks>Implement <see cref="ISagaCompensation{TResult}"/> to be given the step's typed result.</remarks>
public interface ISagaCompensation
{
    /// <summary>Gets the result type the action is given, or <see langword="null"/> when it fits every step.</summary>
    static virtual Type? ResultType => null;

    /// <summary>Undoes the step. May be called more than once for the same step, with the same key.</summary>
    /// <param name="context">The step's result if there is one, and the key to deduplicate by.</param>
    /// <param name="cancellationToken">Cancelled when the try has used up its time or the host stops; never by the saga's caller.</param>
    ValueTask CompensateAsync(SagaCompensationContext context, CancellationToken cancellationToken);
}
