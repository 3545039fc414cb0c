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
            return Run(state, operation, null, profile, cancellationToken);
        }

        Exception? failure = null;
        ValueTask<TResult> first = default;
        try
        {
            first = operation(state, cancellationToken);
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        if (failure is null && first.IsCompletedSuccessfully)
        {
            profile.Budget?.Credit();
            return first;
        }

        return Continue(state, operation, profile, first, failure, cancellationToken);
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
        return Run(state, operation, classifyResult, _profile, cancellationToken);
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
        return RunAttempts<TState, TResult, TResult, ThrowEnding<TResult>>(state, operation, call, classifyResult);
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
        return RunAttempts<TState, TResult, RetryOutcome<TResult>, OutcomeEnding<TResult>>(state, operation, call, classifyResult);
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

    // The branches that are not the ordinary success stay out of ExecuteAsync: inlined, their locals would cost every call a large frame.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ValueTask<TResult> Continue<TState, TResult>(
        TState state,
        Func<TState, CancellationToken, ValueTask<TResult>> operation,
        RetryProfile profile,
        ValueTask<TResult> first,
        Exception? failure,
        CancellationToken cancellationToken) =>
        failure is null && !first.IsCompleted
            ? AwaitFirstAsync(state, operation, profile, first, cancellationToken)
            : RetryLoop<TokenOperation<TState, TResult>, TResult, TResult, ThrowEnding<TResult>>.Continue(
                new(state, operation), profile, first, failure, cancellationToken);

    /// <summary>Waits for a first try that is under way, with the smallest possible state: most end well.</summary>
    private static async ValueTask<TResult> AwaitFirstAsync<TState, TResult>(
        TState state,
        Func<TState, CancellationToken, ValueTask<TResult>> operation,
        RetryProfile profile,
        ValueTask<TResult> first,
        CancellationToken cancellationToken)
    {
        await new QuietAwaitable<TResult>(first);
        if (first.IsCompletedSuccessfully)
        {
            profile.Budget?.Credit();
#pragma warning disable CA1849 // It has completed.
            return first.Result;
#pragma warning restore CA1849
        }

        return await Continue(state, operation, profile, first, null, cancellationToken).ConfigureAwait(false);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ValueTask<TResult> Run<TState, TResult>(
        TState state,
        Func<TState, CancellationToken, ValueTask<TResult>> operation,
        Func<TResult, RetryVerdict>? classifyResult,
        RetryProfile profile,
        CancellationToken cancellationToken)
    {
        var started = profile.OverallTimeout is not null || Metrics is { TimesCalls: true } ? Time.GetTimestamp() : 0;
        return RetryLoop<TokenOperation<TState, TResult>, TResult, TResult, ThrowEnding<TResult>>.Run(
            new(state, operation), classifyResult, profile, profile.OverallTimeout, profile.MaxAttempts, started, cancellationToken);
    }

    private ValueTask<TReturn> RunAttempts<TState, TResult, TReturn, TEnding>(
        TState state, Func<TState, RetryAttempt, ValueTask<TResult>> operation, RetryCall call, Func<TResult, RetryVerdict>? classifyResult)
        where TEnding : struct, IRetryEnding<TResult, TReturn>
    {
        var profile = _profile;
        var allowed = profile.OverallTimeout;
        if (call.Deadline is { } deadline)
        {
            var handedIn = deadline - Time.GetUtcNow();
            allowed = allowed < handedIn ? allowed : handedIn;
        }

        return RetryLoop<AttemptOperation<TState, TResult>, TResult, TReturn, TEnding>.Run(
            new(state, operation), classifyResult, profile, allowed, Math.Min(profile.MaxAttempts, call.MaxAttempts ?? int.MaxValue), Time.GetTimestamp(), call.CancellationToken);
    }
}
