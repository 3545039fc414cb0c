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

    public ValueTask DisposeAsync() => _scope?.DisposeAsync() ?? default;
}
