namespace Topology.Saga.Tests;

/// <summary>What holds of any saga that has settled, however it came there.</summary>
internal static class Invariants
{
    public static void Check(Scenario scenario, CrashWorld world, SagaSnapshot saga, string what)
    {
        var trace = world.Trace;
        var back = trace.FindIndex(line => line.StartsWith("undo:", StringComparison.Ordinal));
        var undone = trace.Where(line => line.StartsWith("undo:", StringComparison.Ordinal)).Select(line => Name(line)).ToList();
        var done = trace.Where(line => line.StartsWith("do:", StringComparison.Ordinal)).Select(line => Name(line)).ToHashSet();
        var text = $"{what}: {string.Join(' ', trace)}";

        Assert.True(saga.IsSettled, $"{text}: {saga.Status}");
        Assert.True(back < 0 || trace.Skip(back).All(line => line.StartsWith("undo:", StringComparison.Ordinal)), $"I1, forward after backward. {text}");

        // A step that a lost owner may have tried is undone too, and told so.
        var untried = trace.Where(line => line.StartsWith("undo:", StringComparison.Ordinal) && !done.Contains(Name(line)));
        Assert.True(untried.All(line => line.EndsWith(":unknown", StringComparison.Ordinal)), $"I3, undone but never tried. {text}");
        var first = undone.Distinct().ToList();
        var order = scenario.Steps.Select(step => step.Id).Reverse().Where(first.Contains).ToList();
        Assert.True(order.SequenceEqual(first), $"I4, not in reverse order. {text}");
        Assert.True(world.Keys.Count == world.Keys.Select(key => key[..key.LastIndexOf('/')]).Distinct().Count(), $"I5, more than one key for a step. {text}");
        foreach (var step in scenario.Steps)
        {
            var tries = trace.Where(line => line.StartsWith($"do:{step.Id}#", StringComparison.Ordinal)).Select(Number).ToList();
            Assert.True(tries.All(number => number <= step.MaxAttempts), $"I6, too many tries. {text}");
        }

        var pivot = scenario.Steps.FirstOrDefault(step => step.Kind == "pivot");
        var pivotDone = pivot is not null && saga.Steps.Single(step => step.StepId == pivot.Id).Status == SagaStepStatus.Completed;
        Assert.True(!pivotDone || undone.Count == 0, $"I10, undone after the pivot. {text}");
        if (saga.Status == SagaStatus.Compensated)
        {
            var owed = saga.Steps.Where(step => step.Status is SagaStepStatus.Completed or SagaStepStatus.OutcomeUnknown).Select(step => step.StepId);
            Assert.True(owed.All(id => scenario.Steps.Single(step => step.Id == id).Compensation is null), $"I2, compensated but not undone. {text}");
        }
    }

    private static string Name(string line) => line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..line.IndexOf('#', StringComparison.Ordinal)];

    private static int Number(string line) =>
        int.Parse(line[(line.IndexOf('#', StringComparison.Ordinal) + 1)..].Split(':')[0], System.Globalization.CultureInfo.InvariantCulture);
}
