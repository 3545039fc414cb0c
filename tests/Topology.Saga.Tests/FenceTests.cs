using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Topology.Saga.Tests;

/// <summary>Owners that were stopped and go on too late: the journal has one writer at a time, and no money is lost or moved twice.</summary>
public sealed class FenceTests
{
    [Fact]
    public async Task An_owner_that_is_stopped_anywhere_and_goes_on_after_its_successor_ended_changes_nothing()
    {
        var (runs, takenOver) = (0, 0);
        foreach (var scenario in Scenario.All)
        {
            using var calm = new FenceWorld(scenario);
            Check(scenario, calm, await calm.RunAsync(), scenario.Name);
            for (var point = 1; point <= calm.Points; point++)
            {
                using var world = new FenceWorld(scenario);
                var saga = await world.RunAsync(point);
                Check(scenario, world, saga, $"{scenario.Name}, stopped at {point}");
                takenOver += world.Writers.Contains(1) ? 1 : 0;
                runs++;
            }
        }

        Assert.True(runs > 2_500 && takenOver > 2_000, $"{runs} runs, {takenOver} taken over");
    }

    [Property(MaxTest = 500)]
    public Property Three_owners_that_are_stopped_and_go_on_in_turn_change_nothing() => Prop.ForAll(
        Gen.Choose(0, Scenario.All.Count - 1).SelectMany(n => Gen.Choose(1, 30).SelectMany(a => Gen.Choose(1, 30).Select(b => (Scenario.All[n], a, b)))).ToArbitrary(),
        input =>
        {
            var (scenario, first, second) = input;
            using var world = new FenceWorld(scenario);
            var saga = world.RunAsync(first, second).GetAwaiter().GetResult();
            Check(scenario, world, saga, $"{scenario.Name}, stopped at {first} and {second}");
            return true.Classify(world.Owners == 3, "three owners");
        });

    internal static void Check(Scenario scenario, FenceWorld world, SagaSnapshot saga, string what)
    {
        // I8: whoever was replaced never writes again, and versions are gapless.
        var turns = world.Writers.Where((writer, i) => i == 0 || world.Writers[i - 1] != writer).ToList();
        Assert.True(turns.Distinct().Count() == turns.Count, $"I8, wrote after it was replaced. {what}: {string.Join(' ', world.Writers)}");
        Assert.Equal(world.Writers.Count, saga.Version);
        Assert.True(saga.IsSettled, $"{what}: {saga.Status}");

        // The one effect it was about to begin; then it has to look.
        Assert.True(world.BegunLate.Values.All(begun => begun <= 1), $"I8, effects begun after it was replaced: {string.Join(' ', world.BegunLate)}. {what}");

        // I7: all, none, or what the state of the resting saga says.
        foreach (var step in saga.Steps)
        {
            var kind = scenario.Steps.Single(s => s.Id == step.StepId).Kind;
            var (must, mustNot) = (step.Status, saga.Status) switch
            {
                (_, SagaStatus.Completed) => (true, false),
                (SagaStepStatus.Compensated, _) => (false, true),
                (SagaStepStatus.Completed, _) => (true, false),
                (_, SagaStatus.Compensated) => (false, kind == "comp"),
                _ => (false, false),
            };
            Assert.True(!must || world.Moved.Contains(step.StepId), $"I7, {step.StepId} is {step.Status} but its money has not moved. {what}");
            Assert.True(!mustNot || !world.Moved.Contains(step.StepId), $"I7, {step.StepId} is {step.Status} but its money has moved. {what}");
        }
    }
}
