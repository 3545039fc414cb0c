namespace Topology.Saga;

/// <summary>Runs the effects of sagas under their keys, so that a key that has completed does not run again.</summary>
/// <remarks>Safe for concurrent use.</remarks>
public interface ISagaEffectGuard
{
    /// <summary>Gets how long a record lives at least; <see langword="null"/> when until <see cref="ForgetAsync"/>.</summary>
    /// <remarks>
    /// A saga that is taken over later than that after it last got on may have had an effect whose record is gone: it is not run again, its
    /// outcome is unknown.
    /// </remarks>
    TimeSpan? RecordLife => null;

    /// <summary>Runs the effect unless its key has completed; then the stored result is returned instead.</summary>
    /// <param name="key">The effect's key.</param>
    /// <param name="effect">The effect. It does not throw: when it fails it returns <see langword="null"/>, and nothing is stored.</param>
    /// <param name="cancellationToken">Ends the wait for an effect that is in progress elsewhere; the effect itself has its own token.</param>
    /// <returns>The result; <see langword="null"/> when the effect ran and failed.</returns>
    /// <exception cref="SagaSealedException">The key was sealed: the effect must not run any more.</exception>
    /// <exception cref="SagaOutcomeUnknownException">The record cannot tell whether the effect happened; it did not run.</exception>
    /// <exception cref="SagaStoreException">The guard's store is full or cannot be reached; the effect did not run.</exception>
    ValueTask<SagaValue?> ExecuteAsync(SagaEffectKey key, Func<ValueTask<SagaValue?>> effect, CancellationToken cancellationToken);

    /// <summary>Closes a key for ever: an effect that has not completed can no longer complete under it.</summary>
    /// <param name="key">The effect's key.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The result when the effect had completed; otherwise <see langword="null"/>, and the key is sealed.</returns>
    ValueTask<SagaValue?> SealAsync(SagaEffectKey key, CancellationToken cancellationToken);

    /// <summary>Called once a saga's history is deleted: nothing runs under its keys any more. A guard whose records expire need not act.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken) => default;
}
