using Topology.Idempotency.Chaos;

namespace Topology.Idempotency.Tests;

/// <summary>The judge of the chaos runs sees what must not be, and lets pass what is promised.</summary>
public sealed class RacedKeyTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData("1000", "1000", "k 1000")]
    [InlineData("1000", "", "k 1000")] // the answer to its completion got lost
    [InlineData("1000 11000000t", "11000000", "k 11000000")]
    [InlineData("11000000t 1000", "11000000", "k 11000000")] // the stale owner's effect came late
    public void One_result_and_executions_after_a_lapsed_lease_are_as_promised(string runs, string accepted, string stored)
    {
        var key = Key(runs, accepted, stored);
        Assert.False(key.IsContradictory);
        Assert.False(key.IsDuplicate(Lease));
        Assert.Equal(runs.Split(' ').Length - 1, key.TakeOvers);
    }

    [Theory]
    [InlineData("1000 11000000t", "1000 11000000", "k 11000000")] // two accepted
    [InlineData("1000 11000000t", "1000", "k 11000000")] // accepted, then overwritten
    [InlineData("1000", "1000", null)] // accepted, then lost
    [InlineData("1000", "", "k 2000")] // a result of nobody who ran
    public void Two_results_or_none_are_not(string runs, string accepted, string? stored) => Assert.True(Key(runs, accepted, stored).IsContradictory);

    [Theory]
    [InlineData("1000 11000000")] // not a take-over
    [InlineData("1000 2000t")] // a take-over of a living lease
    [InlineData("1000 1000")] // two under one fence
    public void Running_again_under_a_living_lease_is_not(string runs) => Assert.True(Key(runs, "", "k 1000").IsDuplicate(Lease));

    private static RacedKey Key(string runs, string accepted, string? stored) => RacedKey.Parse(runs.Split(' '), accepted.Length == 0 ? [] : accepted.Split(' '), stored);
}
