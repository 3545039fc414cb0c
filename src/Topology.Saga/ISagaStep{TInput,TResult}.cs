namespace Topology.Saga;

/// <summary>A step that is a class.</summary>
/// <typeparam name="TInput">What the saga is started with.</typeparam>
/// <typeparam name="TResult">The step's result.</typeparam>
public interface ISagaStep<TInput, TResult>
{
    /// <summary>Does the work. May be called more than once for the same saga, with the same key.</summary>
    /// <param name="context">The input, earlier results, and the key to deduplicate by.</param>
    /// <param name="cancellationToken">Cancelled when the try has used up its time or the host stops.</param>
    /// <exception cref="SagaRejectedException">The step was refused for certain and had no effect.</exception>
    ValueTask<TResult> ExecuteAsync(SagaStepContext<TInput> context, CancellationToken cancellationToken);
}
