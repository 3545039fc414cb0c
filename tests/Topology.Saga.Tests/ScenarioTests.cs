namespace Topology.Saga.Tests;

public sealed class ScenarioTests : ScenarioConformance
{
    [Fact]
    public void There_are_168_scenarios() => Assert.Equal(168, Scenario.All.Count);
}
