using Topology.Benchmarks.Retry;

namespace Topology.Retry.Tests;

/// <summary>The simulation behind the plot of docs/retry.md says what the page says.</summary>
public sealed class RetryStormTests
{
    private static readonly Dictionary<string, RetryStorm> Storms = RetryStorm.RunAll().ToDictionary(storm => storm.Name, storm => storm.Storm);

    [Fact]
    public void The_loop_of_the_specification_keeps_the_server_down_after_the_outage() => Assert.Null(Storms["spec's loop"].RecoverySeconds);

    [Theory]
    [InlineData("equal jitter")]
    [InlineData("budget")]
    [InlineData("equal jitter + budget")]
    public void Jitter_or_a_budget_lets_the_server_recover_at_once(string name) => Assert.InRange(Storms[name].RecoverySeconds ?? 999, 0, 2);

    [Fact]
    public void Only_a_budget_bounds_the_load_during_the_outage()
    {
        // 10,000 clients, one call each 10 s, 60 s.
        const double withoutRetries = 60_000;

        Assert.True(Storms["spec's loop"].CallsInOutage > 2.5 * withoutRetries);
        Assert.True(Storms["equal jitter"].CallsInOutage > 2.5 * withoutRetries);
        Assert.InRange(Storms["budget"].CallsInOutage, 0, 1.05 * withoutRetries);
        Assert.InRange(Storms["equal jitter + budget"].CallsInOutage, 0, 1.05 * withoutRetries);
    }
}
