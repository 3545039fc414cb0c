using Topology.Saga;

namespace Topology.Samples.Tests.Deploy;

/// <summary>The arithmetic and the simulation of docs/scale.md.</summary>
public sealed class ScalePageTests
{
    [Fact]
    public void The_arithmetic_follows_from_the_costs_and_the_settings()
    {
        var expected = ScaleArithmetic.Rows(ScalePage.Costs()).ToList();
        var actual = ScalePage.Rows("## Ten, a hundred and ten thousand times").Select(cells => $"| {string.Join(" | ", cells)} |").ToList();
        Assert.True(expected.SequenceEqual(actual), "docs/scale.md must say:\n" + string.Join('\n', expected));
    }

    [Fact]
    public void What_waits_after_a_jump_of_the_load_is_what_the_page_says()
    {
        var expected = ScaleArithmetic.Loads.Select(Simulated).ToList();
        var actual = ScalePage.Rows("## When the load jumps").Select(cells => $"| {string.Join(" | ", cells)} |").ToList();
        Assert.True(expected.SequenceEqual(actual), "docs/scale.md must say:\n" + string.Join('\n', expected));
    }

    private static string Simulated(double load)
    {
        var scaler = Rendered.Set(Rendered.Prod).Of<ScaledObject>().Single(item => item.Metadata.Name == "orchestrator");
        var result = new BacklogSimulation(scaler, load * ScaleArithmetic.RunsPerSecond, ScaleArithmetic.RunSeconds, new SagaOptions().MaxConcurrentSagas).Run(3600);
        return $"| {load:#,0}× | {ScaleArithmetic.Count(result.Peak)} | {(result.DrainedAt is { } at ? $"after {at} s" : "never")} | {result.Pods} |";
    }
}
