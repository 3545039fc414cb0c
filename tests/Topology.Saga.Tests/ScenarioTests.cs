namespace Topology.Saga.Tests;

public sealed class ScenarioTests
{
    [Fact]
    public void There_are_168_scenarios() => Assert.Equal(168, Scenario.All.Count);

    [Fact]
    public async Task Every_scenario_gives_its_trace_status_and_letters_alone()
    {
        var token = TestContext.Current.CancellationToken;
        await using var host = await ScenarioHost.StartAsync(Scenario.All, token);
        foreach (var scenario in Scenario.All)
        {
            await RunAsync(host, scenario, "alone", token);
        }
    }

    [Fact]
    public async Task Every_scenario_gives_the_same_64_at_a_time()
    {
        var token = TestContext.Current.CancellationToken;
        await using var host = await ScenarioHost.StartAsync(Scenario.All, token);
        var runs = Enumerable.Range(0, 10).SelectMany(round => Scenario.All.Select(scenario => (scenario, Id: $"round-{round}")));
        await Parallel.ForEachAsync(
            runs, new ParallelOptions { MaxDegreeOfParallelism = 64, CancellationToken = token }, (run, t) => RunAsync(host, run.scenario, run.Id, t));
    }

    private static async ValueTask RunAsync(ScenarioHost host, Scenario scenario, string value, CancellationToken token)
    {
        var id = await host.Client.StartAsync(host.Definitions[scenario.Name], value, "input", null, token);
        var saga = await host.Client.WaitAsync(id, token);
        var what = $"{scenario.Name}/{value}";
        AssertSame(what, scenario.Expect.Trace, host.Trace(id));
        Assert.True(scenario.Expect.Status == saga.Status.ToString(), $"{what}: status is {saga.Status}, expected {scenario.Expect.Status}");
        Assert.True(scenario.Expect.Failed == saga.Failure?.StepId, $"{what}: failed is {saga.Failure?.StepId}");
        AssertSame(what, scenario.Expect.Compensated, saga.Compensated);
        var letters = host.Letters.Values.Where(letter => letter.SagaId == id).Select(letter => letter.Failure.StepId).Order();
        AssertSame(what, scenario.Expect.Dlq.Order(), letters);
    }

    private static void AssertSame(string what, IEnumerable<string> expected, IEnumerable<string> actual) =>
        Assert.True(expected.SequenceEqual(actual), $"{what}: expected {string.Join(' ', expected)} but got {string.Join(' ', actual)}");
}
