namespace Topology.Saga;

/// <summary>Starts sagas, and tells how they are. Safe for concurrent use.</summary>
public interface ISagaClient
{
    /// <summary>Starts a saga, to be run by any process that has registered its definition. Durable when it returns.</summary>
    /// <typeparam name="TInput">The input's type.</typeparam>
    /// <param name="definition">What to do.</param>
    /// <param name="id">The saga's id, such as an order's. Starting the same id with the same input again changes nothing.</param>
    /// <param name="input">What to do it with. Use an immutable type.</param>
    /// <param name="options">What else there is to say.</param>
    /// <param name="cancellationToken">Ends the wait; the saga may be started all the same.</param>
    /// <exception cref="SagaConflictException">The id was used before with another input, tenant or definition.</exception>
    ValueTask<SagaId> StartAsync<TInput>(
        SagaDefinition<TInput> definition, string id, TInput input, SagaStartOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Returns how a saga is, or <see langword="null"/> when it was never started.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask<SagaSnapshot?> GetAsync(SagaId id, CancellationToken cancellationToken = default);

    /// <summary>Tells a saga something that a step of it waits for, or will wait for. Kept until then. Durable when it returns.</summary>
    /// <typeparam name="T">The value's type, as the waiting step declares it.</typeparam>
    /// <param name="id">The saga.</param>
    /// <param name="name">The signal's name.</param>
    /// <param name="value">What comes with it.</param>
    /// <param name="cancellationToken">Ends the wait; the signal may be stored all the same.</param>
    /// <exception cref="SagaException">The saga was never started, or no step of it waits for such a signal.</exception>
    ValueTask SignalAsync<T>(SagaId id, string name, T value, CancellationToken cancellationToken = default);

    /// <summary>Asks a saga to end without completing. Durable when it returns; carried out by the worker that runs the saga.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="reason">Why.</param>
    /// <param name="compensate">Whether what was done is undone. Otherwise it stays as it is.</param>
    /// <param name="cancellationToken">Ends the wait; the request may be stored all the same.</param>
    /// <remarks>
    /// The try that is running is cancelled and its outcome unknown. Past its point of no return, or after its end, a saga ignores it.
    /// </remarks>
    /// <exception cref="SagaException">The saga was never started.</exception>
    ValueTask CancelAsync(SagaId id, string reason, bool compensate = true, CancellationToken cancellationToken = default);

    /// <summary>Waits until a saga has ended or needs an operator. Cancelling ends the wait, not the saga.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="SagaException">The saga was never started.</exception>
    ValueTask<SagaSnapshot> WaitAsync(SagaId id, CancellationToken cancellationToken = default);
}
