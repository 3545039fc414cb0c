namespace Topology.Saga;

/// <summary>Names one effect of a saga: doing or undoing one step. Immutable.</summary>
/// <param name="Tenant">Whom the saga is run for.</param>
/// <param name="SagaId">The saga.</param>
/// <param name="StepId">The step.</param>
/// <param name="Undo">Whether the step is undone.</param>
/// <param name="Round">Grows only when an operator retries with new input, from 1.</param>
public readonly record struct SagaEffectKey(string Tenant, SagaId SagaId, string StepId, bool Undo, int Round)
{
    /// <summary>Returns <c>{tenant}:{saga}:{step}:{do|undo}:{round}</c>, each part percent-encoded, so that no two keys look alike.</summary>
    public override string ToString() => string.Create(
        System.Globalization.CultureInfo.InvariantCulture,
        $"{Uri.EscapeDataString(Tenant)}:{Uri.EscapeDataString(SagaId.ToString())}:{Uri.EscapeDataString(StepId)}:{(Undo ? "undo" : "do")}:{Round}");
}
