namespace Topology.Retry.Internal;

/// <summary>The callback of a call, whichever shape it has. Implemented by structs, so that the loop is compiled for each shape.</summary>
internal interface IRetryOperation<T>
{
    ValueTask<T> Start(in RetryAttempt attempt);
}

internal readonly struct TokenOperation<TState, T>(TState state, Func<TState, CancellationToken, ValueTask<T>> callback) : IRetryOperation<T>
{
    public ValueTask<T> Start(in RetryAttempt attempt) => callback(state, attempt.CancellationToken);
}

internal readonly struct AttemptOperation<TState, T>(TState state, Func<TState, RetryAttempt, ValueTask<T>> callback) : IRetryOperation<T>
{
    public ValueTask<T> Start(in RetryAttempt attempt) => callback(state, attempt);
}
