using Microsoft.Extensions.DependencyInjection;
using Topology.Retry;

namespace Topology.Saga.Internal;

/// <summary>Makes the tries of one step or compensation and says how they ended.</summary>
internal sealed class SagaTries(SagaRuntime runtime, CancellationToken stopping)
{
    /// <returns>The result, or why there is none.</returns>
    public async Task<Outcome> RunAsync(
        Plan plan, Func<SagaTry, CancellationToken, ValueTask<SagaValue>> effect, Func<Task<bool>> foldInbox)
    {
        // A refusal proves that there was no effect only when no earlier try can have had one.
        var ambiguous = plan.State.HeadMayHaveBeenTried;
        var previous = TimeSpan.Zero;
        for (var attempt = 1; ; attempt++)
        {
            var tried = await TryAsync(plan, attempt, effect).ConfigureAwait(false);
            if (tried.Error is not { } error)
            {
                return new(tried.Result, null);
            }

            var rejected = !plan.Undo && error is SagaRejectedException;
            // A compensation is tried as often as its row says; only a step ends at an error that no retry can mend.
            var verdict = plan.Policy.Classify(error);
            if (attempt >= plan.MaxAttempts || rejected || (!plan.Undo && verdict.Kind == RetryVerdictKind.Stop))
            {
                return new(null, SagaFailure.From(plan.Step.Id, error, rejected && !ambiguous, attempt));
            }

            ambiguous = true;
            var delay = plan.Policy.NextDelay(attempt, previous);
            delay = verdict.NotBefore is { } hint && hint > delay ? hint : delay;
            previous = delay;
            Log.TryFailed(runtime.Logger, plan.State.Id, plan.Step.Id, plan.Undo ? "undo" : "do", attempt, delay, error.GetType().Name);
            if (delay > TimeSpan.Zero)
            {
                await Task.Delay(delay, runtime.Time, stopping).ConfigureAwait(false);
            }

            await foldInbox().ConfigureAwait(false);
        }
    }

    private async Task<Tried> TryAsync(Plan plan, int attempt, Func<SagaTry, CancellationToken, ValueTask<SagaValue>> effect)
    {
        var scope = runtime.Scopes.CreateAsyncScope();
        await using var disposal = scope.ConfigureAwait(false);
        var key = new SagaEffectKey(plan.State.Tenant, plan.State.Id, plan.Step.Id, plan.Undo, Round: 1);
        var @try = new SagaTry(plan.State, plan.Step, key, attempt, scope.ServiceProvider);
        using var deadline = new CancellationTokenSource(plan.Timeout, runtime.Time);
        using var token = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, stopping);
        Exception? failed = null;
        try
        {
            var result = await runtime.Guard.ExecuteAsync(
                key,
                async () =>
                {
                    try
                    {
                        return await effect(@try, token.Token).ConfigureAwait(false);
                    }
                    catch (Exception error)
                    {
                        failed = error;
                        throw;
                    }
                },
                stopping).ConfigureAwait(false);
            return new(result, null);
        }
        catch (Exception error) when (ReferenceEquals(error, failed))
        {
            // Told apart by the token, not by the type: a host that stops leaves the saga for recovery, a try that took too long failed.
            stopping.ThrowIfCancellationRequested();
            var timedOut = deadline.IsCancellationRequested && error is OperationCanceledException;
            return new(null, timedOut ? new TimeoutException($"The try took longer than its timeout of {plan.Timeout}.", error) : error);
        }
        catch (SagaSealedException error)
        {
            return new(null, error);
        }
    }

    internal readonly record struct Outcome(SagaValue? Result, SagaFailure? Failure);

    internal sealed record Plan(
        SagaState State, SagaStep Step, bool Undo, int MaxAttempts, TimeSpan Timeout, RetryPolicy Policy);

    private readonly record struct Tried(SagaValue? Result, Exception? Error);
}
