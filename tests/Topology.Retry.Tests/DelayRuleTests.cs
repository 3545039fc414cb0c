using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Topology.Retry.Internal;

namespace Topology.Retry.Tests;

public sealed class DelayRuleTests
{
    private static readonly RetryJitter[] Jitters =
        [RetryJitter.None, RetryJitter.Equal, RetryJitter.Full, RetryJitter.Decorrelated, RetryJitter.Proportional(0.1), RetryJitter.Proportional(1)];

    [Property(MaxTest = 5_000)]
    public bool No_delay_is_negative_or_above_the_cap_for_any_number_of_tries(
        PositiveInt tries, NonNegativeInt baseMs, NonNegativeInt extraMs, byte factor, byte draw, byte kind, NonNegativeInt previousMs)
    {
        var low = TimeSpan.FromMilliseconds(baseMs.Get);
        var cap = low + TimeSpan.FromMilliseconds(extraMs.Get);
        var rule = new DelayRule(low, cap, 1 + (factor % 90 / 10.0), Jitters[kind % Jitters.Length]);

        var delay = rule.Next(tries.Get, TimeSpan.FromMilliseconds(previousMs.Get), () => draw / 256.0);

        return delay >= TimeSpan.Zero && delay <= cap;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1024)]
    [InlineData(int.MaxValue)]
    public void The_last_try_of_all_still_has_a_delay(int tries)
    {
        foreach (var jitter in Jitters)
        {
            var widest = new DelayRule(TimeSpan.FromDays(1), TimeSpan.FromDays(7), 10, jitter);
            Assert.InRange(widest.Next(tries, TimeSpan.MaxValue, () => 0.999), TimeSpan.Zero, TimeSpan.FromDays(7));
            Assert.Equal(TimeSpan.Zero, new DelayRule(TimeSpan.Zero, TimeSpan.FromDays(7), 10, jitter).Next(tries, TimeSpan.Zero, () => 0.999));
        }
    }

    [Theory]
    [InlineData("default", new[] { 1000.0, 2000, 4000, 8000, 16000, 32000, 60000, 60000 })]
    [InlineData("api_calls", new[] { 500.0, 1000, 2000, 4000, 8000, 16000, 30000, 30000 })]
    [InlineData("tool_calls", new[] { 2000.0, 4000, 8000, 16000, 32000, 64000, 120000, 120000 })]
    [InlineData("database_operations", new[] { 100.0, 150, 225, 337.5, 506.25, 759.375, 1139.0625, 1708.5937, 2562.8906, 3844.3359, 5000 })]
    public void The_profiles_of_the_specification_wait_as_it_says(string name, double[] milliseconds)
    {
        var options = RetryProfileOptions.ForProfile(name);
        options.Jitter = RetryJitter.None;
        var policy = new RetryPolicy(options, name);

        Assert.Equal(milliseconds, milliseconds.Select((_, index) => Math.Round(policy.NextDelay(index + 1, TimeSpan.Zero).TotalMilliseconds, 4)));
    }

    [Theory]
    [InlineData(0.0, 1800)]
    [InlineData(0.5, 2000)]
    [InlineData(0.75, 2100)]
    public void Proportional_jitter_of_a_tenth_is_ten_percent_both_ways(double draw, double milliseconds)
    {
        var rule = new DelayRule(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60), 2, RetryJitter.Proportional(0.1));

        Assert.Equal(milliseconds, rule.Next(2, TimeSpan.Zero, () => draw).TotalMilliseconds, 3);
    }

    [Fact]
    public void Decorrelated_jitter_draws_between_the_base_and_three_times_the_wait_before()
    {
        var rule = new DelayRule(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60), 2, RetryJitter.Decorrelated);

        Assert.Equal(TimeSpan.FromSeconds(1), rule.Next(5, TimeSpan.FromSeconds(10), () => 0));
        Assert.Equal(TimeSpan.FromSeconds(15.5), rule.Next(5, TimeSpan.FromSeconds(10), () => 0.5));
        Assert.Equal(TimeSpan.FromSeconds(2), rule.Next(1, TimeSpan.Zero, () => 0.5));
    }

    [Theory]
    [InlineData(RetryJitterKind.Equal, 0.03)]
    [InlineData(RetryJitterKind.Full, 0.03)]
    [InlineData(RetryJitterKind.Decorrelated, 0.06)]
    [InlineData(RetryJitterKind.Proportional, 0.12)]
    public void Clients_still_spread_when_the_wait_has_reached_the_cap(RetryJitterKind kind, double largestShare)
    {
        const int clients = 20_000;
        var random = new Random(7);
        var rule = new DelayRule(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60), 2, kind switch
        {
            RetryJitterKind.Equal => RetryJitter.Equal,
            RetryJitterKind.Full => RetryJitter.Full,
            RetryJitterKind.Decorrelated => RetryJitter.Decorrelated,
            _ => RetryJitter.Proportional(0.1),
        });
        var waits = new double[clients];
        for (var client = 0; client < clients; client++)
        {
            var wait = TimeSpan.Zero;
            for (var failed = 1; failed <= 12; failed++)
            {
                wait = rule.Next(failed, wait, random.NextDouble);
            }

            waits[client] = wait.TotalSeconds / 60;
        }

        Assert.InRange(LargestWindow(waits, 0.01), 0, largestShare);
    }

    /// <summary>The largest share of values that any window of this width holds.</summary>
    private static double LargestWindow(double[] values, double width)
    {
        Array.Sort(values);
        var most = 0;
        for (int first = 0, last = 0; last < values.Length; last++)
        {
            while (values[last] - values[first] > width)
            {
                first++;
            }

            most = Math.Max(most, last - first + 1);
        }

        return (double)most / values.Length;
    }
}
