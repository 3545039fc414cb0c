using System.Collections.Frozen;

namespace Topology.Saga.Internal;

/// <summary>A compensation table that was checked against its definition and the registered actions.</summary>
internal sealed class SagaTable
{
    private readonly FrozenDictionary<string, SagaTableRow> _rows;

    private SagaTable(IEnumerable<SagaTableRow> rows) => _rows = rows.ToFrozenDictionary(row => row.StepId, StringComparer.Ordinal);

    public SagaTableRow? Row(string stepId) => _rows.GetValueOrDefault(stepId);

    public static SagaTable Create(
        SagaDefinition definition,
        SagaCompensationTableOptions options,
        IReadOnlyDictionary<string, SagaCompensationRegistration> actions,
        List<string> faults)
    {
        var rows = new List<SagaTableRow>();
        foreach (var row in options.Steps)
        {
            var action = row.CompensationAction;
            var where = $"Saga '{definition.Name}': saga_compensations step '{row.StepId}'";
            var step = definition.FindStep(row.StepId);
            if (step is null)
            {
                faults.Add($"{where} is no step of the definition; it has {string.Join(", ", definition.StepIds)}.");
            }
            else if (step is SagaWaitStep)
            {
                faults.Add($"{where} only waits, so there is nothing to undo; remove the row.");
            }
            else if (step.Kind != SagaStepKind.Compensable)
            {
                faults.Add($"{where} is {(step.Kind == SagaStepKind.Pivot ? "the pivot" : "a step after the pivot")}, which is never undone; remove the row.");
            }
            else if (!actions.TryGetValue(action.Type, out var registration))
            {
                faults.Add($"{where}: the action '{action.Type}' is not registered; add AddCompensation<T>(\"{action.Type}\").");
            }
            else if (registration.ResultType is { } type && type != step.ResultType)
            {
                faults.Add($"{where}: the action '{action.Type}' undoes a {type}, but the step's result is {step.ResultType?.ToString() ?? "nothing"}.");
            }
            else
            {
                rows.Add(new(row.StepId, registration, action.Timeout, action.RetryCount, action.Backoff, action.OnFailure));
            }
        }

        return new SagaTable(rows.DistinctBy(row => row.StepId, StringComparer.Ordinal));
    }
}

internal sealed record SagaTableRow(
    string StepId, SagaCompensationRegistration Action, TimeSpan Timeout, int RetryCount, string? Backoff, SagaCompensationFailure OnFailure);
