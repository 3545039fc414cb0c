using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using Topology.Health.Internal;

namespace Topology.Health.Tests;

public sealed class LivenessHeartbeatsTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly FakeLogger<HeartbeatCheck> _log = new();
    private readonly LivenessHeartbeats _heartbeats;

    public LivenessHeartbeatsTests() => _heartbeats = new LivenessHeartbeats(_time);

    [Fact]
    public async Task A_loop_that_beats_in_time_is_alive()
    {
        using var beat = _heartbeats.Register("orders", TimeSpan.FromSeconds(30));
        for (var i = 0; i < 10; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(30));
            Assert.Equal(HealthStatus.Healthy, (await CheckAsync()).Status);
            beat.Beat();
        }
    }

    [Fact]
    public async Task A_stuck_loop_is_found_named_in_the_log_once_and_forgiven_when_it_moves()
    {
        using var stuck = _heartbeats.Register("orders", TimeSpan.FromSeconds(30));
        using var other = _heartbeats.Register("payments", TimeSpan.FromHours(1));
        _time.Advance(TimeSpan.FromSeconds(31));

        for (var i = 0; i < 3; i++)
        {
            var result = await CheckAsync();
            Assert.Equal((HealthStatus.Unhealthy, "loop_silent"), (result.Status, result.Description));
        }

        Assert.Contains("orders", Assert.Single(_log.Collector.GetSnapshot()).Message, StringComparison.Ordinal);
        stuck.Beat();
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync()).Status);
    }

    [Fact]
    public async Task A_loop_that_ended_on_purpose_is_not_missed()
    {
        _heartbeats.Register("orders", TimeSpan.FromSeconds(30)).Dispose();
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync()).Status);
    }

    [Fact]
    public async Task Two_loops_of_one_name_are_both_watched()
    {
        using var first = _heartbeats.Register("orders", TimeSpan.FromSeconds(30));
        using var second = _heartbeats.Register("orders", TimeSpan.FromSeconds(30));
        _time.Advance(TimeSpan.FromSeconds(31));
        first.Beat();
        Assert.Equal(HealthStatus.Unhealthy, (await CheckAsync()).Status);
    }

    [Fact]
    public void A_heartbeat_needs_a_name_and_a_positive_silence()
    {
        Assert.Throws<ArgumentException>(() => _heartbeats.Register(" ", TimeSpan.FromSeconds(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => _heartbeats.Register("orders", TimeSpan.Zero));
    }

    private Task<HealthCheckResult> CheckAsync() =>
        new HeartbeatCheck(_heartbeats, _log).CheckHealthAsync(new HealthCheckContext(), TestContext.Current.CancellationToken);
}
