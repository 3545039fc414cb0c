using System.Runtime.CompilerServices;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.DependencyInjection;

namespace Topology.Saga.Internal;

/// <summary>One try of a step or a compensation. Its services are made when they are asked for.</summary>
internal sealed class SagaTry(SagaState state, SagaStepState step, bool undo, int attempt, IServiceScopeFactory scopes) : IAsyncDisposable
{
    private readonly int _round = step.Round;
    private AsyncServiceScope? _scope;

    public SagaState State => state;

    public SagaStep Step => step.Step;

    public SagaEffectKey Key => new(state.Tenant, state.Id, step.Step.Id, undo, _round);

    public int Attempt => attempt;

    public long Fence { get; } = state.Fence;

    public IServiceProvider Services => (_scope ??= scopes.CreateAsyncScope()).ServiceProvider;

    /// <summary>What the effect threw, as opposed to whoever was asked to run it.</summary>
    public Exception? Failed { get; set; }

    /// <summary>Whether it was cancelled because the saga turns back.</summary>
    public bool IsTurnedBack { get; set; }

    /// <summary>Waits for an effect without a result; returns null when it failed.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<SagaValue?> EndAsync(ValueTask running)
    {
        if (running.IsCompletedSuccessfully)
        {
            await running.ConfigureAwait(false); // what is behind it may be waiting to be used again
            return SagaValue.None;
        }

        var task = running.AsTask();
        await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return HasFailed(task) ? null : SagaValue.None;
    }

    /// <summary>Waits for an effect and returns its result; null when it failed.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<SagaValue?> EndAsync<TResult>(ValueTask<TResult> running, JsonTypeInfo<TResult> json)
    {
        if (running.IsCompletedSuccessfully)
        {
            return SagaValue.Create(await running.ConfigureAwait(false), json);
        }

        var task = running.AsTask();
        await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return HasFailed(task) ? null : SagaValue.Create(await task.ConfigureAwait(false), json);
    }

    public ValueTask DisposeAsync() => _scope?.DisposeAsync() ?? default;

    /// <summary>Remembers why a task failed that has ended. A failure is not thrown once more: that costs more than all the rest of a saga.</summary>
    private bool HasFailed(Task ended)
    {
        Failed = ended.IsCanceled ? Cancelled(ended) : ended.Exception?.InnerException;
        return Failed is not null;
    }

    /// <summary>The exception itself, which a cancelled task hands out only by throwing it.</summary>
    private static OperationCanceledException? Cancelled(Task ended)
    {
        try
        {
            ended.GetAwaiter().GetResult();
            return null;
        }
        catch (OperationCanceledException error)
        {
            return error;
        }
    }
}
