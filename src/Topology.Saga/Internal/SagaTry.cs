using Microsoft.Extensions.DependencyInjection;

namespace Topology.Saga.Internal;

/// <summary>One try of a step or a compensation. Its services are made when they are asked for.</summary>
internal sealed class SagaTry(SagaTries.Plan plan, int attempt, IServiceScopeFactory scopes, CancellationTokenSource token, TimeSpan timeout) : IAsyncDisposable
{
    private AsyncServiceScope? _scope;

    public SagaState State => plan.State;

    public SagaStep Step => plan.StepState.Step;

    public SagaEffectKey Key { get; } = plan.State.Key(plan.StepState, plan.Undo);

    public int Attempt => attempt;

    public long Fence { get; } = plan.State.Fence;

    public IServiceProvider Services => (_scope ??= scopes.CreateAsyncScope()).ServiceProvider;

    /// <summary>What the effect threw, as opposed to whoever was asked to run it.</summary>
    public Exception? Failed { get; private set; }

    /// <summary>Whether it was cancelled because the saga turns back.</summary>
    public bool IsTurnedBack { get; set; }

    /// <summary>Called by the guard: waiting for an effect that is in progress elsewhere is not a try.</summary>
    public ValueTask<SagaValue> RunAsync()
    {
        token.CancelAfter(timeout);
        return plan.Effect(this, token.Token);
    }

    /// <summary>Remembers what the effect threw; returns false, so that a filter need not catch and throw it again.</summary>
    public bool Remember(Exception error)
    {
        Failed = error;
        return false;
    }

    public ValueTask DisposeAsync() => _scope?.DisposeAsync() ?? default;
}
