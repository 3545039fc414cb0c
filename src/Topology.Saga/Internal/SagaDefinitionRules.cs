namespace Topology.Saga.Internal;

/// <summary>What a definition must fulfil whatever the configuration says.</summary>
internal static class SagaDefinitionRules
{
    private static readonly TimeSpan _longestTimeout = TimeSpan.FromDays(1);
    private static readonly TimeSpan _longestWait = TimeSpan.FromDays(365);

    public static void Check(string name, List<SagaStep> steps, TimeSpan? deadline, List<string> faults)
    {
        if (!IsName(name))
        {
            faults.Add($"the name '{name}' must be 1 to 128 letters, digits, '_', '-' or '.'.");
        }

        if (steps.Count == 0 && faults.Count == 0)
        {
            faults.Add("there is no step; add at least one.");
        }

        if (deadline is { } time && (time < TimeSpan.FromMilliseconds(1) || time > _longestWait))
        {
            faults.Add($"Deadline is {time}; it must be 1 ms to 365 days.");
        }

        foreach (var duplicate in steps.GroupBy(step => step.Id, StringComparer.Ordinal).Where(group => group.Count() > 1))
        {
            faults.Add($"step '{duplicate.Key}' is there {duplicate.Count()} times; ids must differ.");
        }

        foreach (var step in steps)
        {
            CheckStep(step, faults);
        }

        CheckKinds(steps, faults);
    }

    public static bool IsName(string name) =>
        name.Length is > 0 and <= 128 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.');

    private static void CheckStep(SagaStep step, List<string> faults)
    {
        if (!IsName(step.Id))
        {
            faults.Add($"the step id '{step.Id}' must be 1 to 128 letters, digits, '_', '-' or '.'.");
        }

        var (what, longest) = step is SagaWaitStep ? ("the wait", _longestWait) : ("Timeout", _longestTimeout);
        if (step.Timeout < TimeSpan.FromMilliseconds(1) || step.Timeout > longest)
        {
            faults.Add($"step '{step.Id}': {what} is {step.Timeout}; it must be 1 ms to {longest.Days} {(longest.Days == 1 ? "day" : "days")}.");
        }

        if (step.MaxAttempts is < 1 or > 100)
        {
            faults.Add($"step '{step.Id}': MaxAttempts is {step.MaxAttempts}; it must be 1 to 100.");
        }
    }

    private static void CheckKinds(List<SagaStep> steps, List<string> faults)
    {
        var pivot = steps.FindIndex(step => step.Kind == SagaStepKind.Pivot);
        for (var i = 0; i < steps.Count; i++)
        {
            var step = steps[i];
            var fault = step.Kind switch
            {
                SagaStepKind.Pivot when i != pivot => $"step '{step.Id}' is a second pivot after '{steps[pivot].Id}'; a saga has one at most.",
                SagaStepKind.Retriable when pivot < 0 || i < pivot => $"step '{step.Id}' is retriable but no pivot stands before it.",
                SagaStepKind.Compensable when pivot >= 0 && i > pivot && step is not SagaWaitStep =>
                    $"step '{step.Id}' stands after the pivot '{steps[pivot].Id}', where nothing is undone any more; make it retriable.",
                _ => null,
            };
            if (fault is not null)
            {
                faults.Add(fault);
            }
        }
    }
}
