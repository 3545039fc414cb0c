using Microsoft.Extensions.DependencyInjection;

namespace Topology.Saga.Tests;

/// <summary>What the engine makes of every scenario, wherever sagas are kept. A provider's tests derive from it.</summary>
public abstract class ScenarioConformance
{
    [Fact]
    public async Task Every_scenario_gives_its_trace_status_and_letters_alone()
    {
        var token = TestContext.Current.CancellationToken;
        await using var host = await ScenarioHost.StartAsync(Scenario.All, token, AddStore);
        foreach (var scenario in Scenario.All)
        {
            await RunAsync(host, scenario, "alone", token);
        }
    }

    [Fact]
    public async Task Every_scenario_gives_the_same_64_at_a_time()
    {
        var token = TestContext.Current.CancellationToken;
        await using var host = await ScenarioHost.StartAsync(Scenario.All, token, AddStore);
        var runs = Enumerable.Range(0, Rounds).SelectMany(round => Scenario.All.Select(scenario => (scenario, Id: $"round-{round}")));
        await Parallel.ForEachAsync(
            runs, new ParallelOptions { MaxDegreeOfParallelism = 64, CancellationToken = token }, (run, t) => RunAsync(host, run.scenario, run.Id, t));
    }

    /// <summary>How often every scenario is run beside the others.</summary>
    protected virtual int Rounds => 10;

    /// <summary>Names the store, unless it is the one in memory.</summary>
    protected virtual void AddStore(IServiceCollection services)
    {
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
