using System.Runtime.CompilerServices;
using Topology.Retry.Internal;

namespace Topology.Retry;

/// <content>The ways to make a call. All end in the first one that takes a state and a token, or in the retry loop.</content>
public sealed partial class RetryPolicy
{
    /// <summary>Makes a call without a closure.</summary>
    /// <typeparam name="TState">The type of the state.</typeparam>
    /// <typeparam name="TResult">The type of the result.</typeparam>
    /// <param name="state">Handed to every try.</param>
    /// <param name="operation">The call. Its token is cancelled by the caller, the attempt timeout and the deadline.</param>
    /// <param name="cancellationToken">The caller's token.</param>
    /// <returns>The result of the first try that succeeds; await it once.</returns>
    public ValueTask<TResult> ExecuteAsync<TState, TResult>(
        TState state, Func<TState, CancellationToken, ValueTask<TResult>> operation, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(operation);
        var profile = _profile;
        if (!profile.IsPlain || cancellationToken.IsCancellationRequested || Metrics is { TimesCalls: true })
        {
            return RunAsync<TokenOperation<TState, TResult>, TResult, TResult, ThrowEnding<TResult>>(
                new(state, operation), profile, cancellationToken, null);
        }

        Exception? failure = null;
        ValueTask<TResult> pending = default;
        try
        {
            pending = operation(state, cancellationToken);
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        if (failure is null)
        {
            if (pending.IsCompletedSuccessfully)
            {
                profile.Budget?.Credit();
                return pending;
            }

            if (!pending.IsCompleted)
            {
                return AwaitFirstAsync(profile, state, operation, pending, cancellationToken);
            }
        }

        return ContinueAsync(profile, state, operation, pending, failure, cancellationToken);
    }

    /// <summary>Makes a call without a closure and without a result.</summary>
    /// <typeparam name="TState">The type of the state.</typeparam>
    /// <param name="state">Handed to every try.</param>
    /// <param name="operation">The call.</param>
    /// <param name="cancellationToken">The caller's token.</param>
    public ValueTask ExecuteAsync<TState>(
        TState state, Func<TState, CancellationToken, ValueTask> operation, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(operation);
        var call = ExecuteAsync((state, operation), static (call, token) => NoResult.Of(call.operation(call.state, token)), cancellationToken);
        return call.IsCompletedSuccessfully ? default : new ValueTask(call.AsTask());
    }

    /// <summary>Makes a call whose result may itself be a failure, without exceptions and without a closure.</summary>
    /// <typeparam name="TState">The type of the state.</typeparam>
    /// <typeparam name="TResult">The type of the result.</typeparam>
    /// <param name="state">Handed to every try.</param>
    /// <param name="operation">The call.</param>
    /// <param name="classifyResult">
    /// Judges a result: <see langword="default"/> accepts it, <see cref="RetryVerdict.Retry"/> and <see cref="RetryVerdict.After"/> try again,
    /// <see cref="RetryVerdict.Stop"/> returns it as a failure. If it throws, the result is accepted.
    /// </param>
    /// <param name="cancellationToken">The caller's token.</param>
    /// <returns>The first accepted result, or the last one; those in between are disposed.</returns>
    public ValueTask<TResult> ExecuteAsync<TState, TResult>(
        TState state,
        Func<TState, CancellationToken, ValueTask<TResult>> operation,
        Func<TResult, RetryVerdict> classifyResult,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(operation);
        ArgumentNullException.ThrowIfNull(classifyResult);
        return RunAsync<TokenOperation<TState, TResult>, TResult, TResult, ThrowEnding<TResult>>(
            new(state, operation), _profile, cancellationToken, classifyResult);
    }

    /// <summary>Makes a call that knows its attempt number and the time it has, without a closure.</summary>
    /// <typeparam name="TState">The type of the state.</typeparam>
    /// <typeparam name="TResult">The type of the result.</typeparam>
    /// <param name="state">Handed to every try.</param>
    /// <param name="operation">The call.</param>
    /// <param name="call">The caller's deadline and token.</param>
    /// <param name="classifyResult">Judges results; <see langword="null"/> accepts all.</param>
    /// <returns>The first accepted result, or the last one; those in between are disposed.</returns>
    [OverloadResolutionPriority(-1)]
    public ValueTask<TResult> ExecuteAsync<TState, TResult>(
        TState state, Func<TState, RetryAttempt, ValueTask<TResult>> operation, RetryCall call = default, Func<TResult, RetryVerdict>? classifyResult = null)
    {
        ArgumentNullException.ThrowIfNull(operation);
        return RunAsync<AttemptOperation<TState, TResult>, TResult, TResult, ThrowEnding<TResult>>(
            new(state, operation), _profile, call, classifyResult);
    }

    /// <summary>Makes a call that knows its attempt number and the time it has.</summary>
    /// <typeparam name="TResult">The type of the result.</typeparam>
    /// <param name="operation">The call.</param>
    /// <param name="call">The caller's deadline and token.</param>
    [OverloadResolutionPriority(-1)]
    public ValueTask<TResult> ExecuteAsync<TResult>(Func<RetryAttempt, ValueTask<TResult>> operation, RetryCall call = default)
    {
        ArgumentNullException.ThrowIfNull(operation);
        return ExecuteAsync(operation, static (operation, attempt) => operation(attempt), call);
    }

    /// <summary>Makes a call.</summary>
    /// <typeparam name="TResult">The type of the result.</typeparam>
    /// <param name="operation">The call. Its token is cancelled by the caller, the attempt timeout and the deadline.</param>
    /// <param name="cancellationToken">The caller's token.</param>
    /// <returns>The result of the first try that succeeds; await it once.</returns>
    public ValueTask<TResult> ExecuteAsync<TResult>(Func<CancellationToken, ValueTask<TResult>> operation, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(operation);
        return ExecuteAsync(operation, static (operation, token) => operation(token), cancellationToken);
    }

    /// <summary>Makes a call without a result.</summary>
    /// <param name="operation">The call.</param>
    /// <param name="cancellationToken">The caller's token.</param>
    public ValueTask ExecuteAsync(Func<CancellationToken, ValueTask> operation, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(operation);
        return ExecuteAsync(operation, static (operation, token) => operation(token), cancellationToken);
    }

    /// <summary>Makes a call that returns a task.</summary>
    /// <typeparam name="TResult">The type of the result.</typeparam>
    /// <param name="operation">The call.</param>
    /// <param name="cancellationToken">The caller's token.</param>
    [OverloadResolutionPriority(-1)]
    public Task<TResult> ExecuteAsync<TResult>(Func<CancellationToken, Task<TResult>> operation, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(operation);
        return ExecuteAsync(operation, static (operation, token) => new ValueTask<TResult>(operation(token)), cancellationToken).AsTask();
    }

    /// <summary>Makes a call that returns a task without a result.</summary>
    /// <param name="operation">The call.</param>
    /// <param name="cancellationToken">The caller's token.</param>
    [OverloadResolutionPriority(-1)]
    public Task ExecuteAsync(Func<CancellationToken, Task> operation, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(operation);
        return ExecuteAsync(operation, static (operation, token) => new ValueTask(operation(token)), cancellationToken).AsTask();
    }

    /// <summary>Makes a call and says how it ended instead of throwing.</summary>
    /// <typeparam name="TState">The type of the state.</typeparam>
    /// <typeparam name="TResult">The type of the result.</typeparam>
    /// <param name="state">Handed to every try.</param>
    /// <param name="operation">The call.</param>
    /// <param name="call">The caller's deadline and token.</param>
    /// <param name="classifyResult">Judges results; <see langword="null"/> accepts all.</param>
    /// <returns>The outcome; cancellation too is one.</returns>
    public ValueTask<RetryOutcome<TResult>> TryExecuteAsync<TState, TResult>(
        TState state, Func<TState, RetryAttempt, ValueTask<TResult>> operation, RetryCall call = default, Func<TResult, RetryVerdict>? classifyResult = null)
    {
        ArgumentNullException.ThrowIfNull(operation);
        return RunAsync<AttemptOperation<TState, TResult>, TResult, RetryOutcome<TResult>, OutcomeEnding<TResult>>(
            new(state, operation), _profile, call, classifyResult);
    }

    /// <summary>Makes a call and says how it ended instead of throwing.</summary>
    /// <typeparam name="TResult">The type of the result.</typeparam>
    /// <param name="operation">The call.</param>
    /// <param name="cancellationToken">The caller's token.</param>
    /// <returns>The outcome; cancellation too is one.</returns>
    public ValueTask<RetryOutcome<TResult>> TryExecuteAsync<TResult>(
        Func<CancellationToken, ValueTask<TResult>> operation, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(operation);
        return TryExecuteAsync(operation, static (operation, attempt) => operation(attempt.CancellationToken), cancellationToken);
    }

    private ValueTask<TReturn> RunAsync<TOperation, T, TReturn, TEnding>(
        in TOperation operation, RetryProfile profile, in RetryCall call, Func<T, RetryVerdict>? classifyResult)
        where TOperation : struct, IRetryOperation<T>
        where TEnding : struct, IRetryEnding<T, TReturn> =>
        RetryLoop.RunAsync<TOperation, T, TReturn, TEnding>(
            operation, new RetryRun(this, profile, call, Time.GetTimestamp(), attempts: 0), classifyResult, begun: false, default, null);

    private ValueTask<TResult> ContinueAsync<TState, TResult>(
        RetryProfile profile,
        TState state,
        Func<TState, CancellationToken, ValueTask<TResult>> operation,
        ValueTask<TResult> pending,
        Exception? failure,
        CancellationToken cancellationToken) =>
        RetryLoop.RunAsync<TokenOperation<TState, TResult>, TResult, TResult, ThrowEnding<TResult>>(
            new(state, operation), new RetryRun(this, profile, cancellationToken, Time.GetTimestamp(), attempts: 1), null, begun: true, pending, failure);

    /// <summary>Waits for a first try that is under way, with the smallest possible state: most end well.</summary>
    private async ValueTask<TResult> AwaitFirstAsync<TState, TResult>(
        RetryProfile profile,
        TState state,
        Func<TState, CancellationToken, ValueTask<TResult>> operation,
        ValueTask<TResult> pending,
        CancellationToken cancellationToken)
    {
        await new QuietAwaitable<TResult>(pending);
        if (pending.IsCompletedSuccessfully)
        {
            profile.Budget?.Credit();
#pragma warning disable CA1849 // It has completed.
            return pending.Result;
#pragma warning restore CA1849
        }

        return await ContinueAsync(profile, state, operation, pending, null, cancellationToken).ConfigureAwait(false);
    }
}
