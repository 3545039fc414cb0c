using FsCheck.Xunit;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Topology.Health.Internal;

namespace Topology.Health.Tests;

public sealed class HysteresisTests
{
    [Fact]
    public void The_first_sample_counts_at_once()
    {
        var hysteresis = new Hysteresis(3, 3);
        Assert.True(hysteresis.Observe(HealthStatus.Unhealthy));
        Assert.Equal(HealthStatus.Unhealthy, hysteresis.Status);
    }

    [Fact]
    public void A_single_bad_sample_between_good_ones_changes_nothing()
    {
        var hysteresis = new Hysteresis(2, 1);
        foreach (var sample in new[] { HealthStatus.Healthy, HealthStatus.Unhealthy, HealthStatus.Healthy, HealthStatus.Unhealthy, HealthStatus.Healthy })
            hysteresis.Observe(sample);
        Assert.Equal(HealthStatus.Healthy, hysteresis.Status);
    }

    [Fact]
    public void Degraded_and_unhealthy_samples_in_a_row_add_up_to_the_last_of_them()
    {
        var hysteresis = new Hysteresis(2, 1);
        foreach (var sample in new[] { HealthStatus.Healthy, HealthStatus.Degraded, HealthStatus.Unhealthy })
            hysteresis.Observe(sample);
        Assert.Equal(HealthStatus.Unhealthy, hysteresis.Status);
    }

    [Property(MaxTest = 1_000)]
    public bool The_status_changes_only_after_the_threshold_of_samples_on_one_side_in_a_row(byte failures, byte successes, byte[] samples)
    {
        int failureThreshold = failures % 5 + 1, successThreshold = successes % 5 + 1;
        var hysteresis = new Hysteresis(failureThreshold, successThreshold);
        var seen = new List<HealthStatus>();
        foreach (var sample in samples.Select(static sample => (HealthStatus)(sample % 3)))
        {
            var before = hysteresis.Status;
            seen.Add(sample);
            if (!hysteresis.Observe(sample) || before is not { } status)
                continue;
            var threshold = sample < status ? failureThreshold : successThreshold;
            if (hysteresis.Status != sample || seen.Count < threshold
                || !seen.TakeLast(threshold).All(last => sample < status ? last < status : last > status))
                return false;
        }

        return true;
    }
}
