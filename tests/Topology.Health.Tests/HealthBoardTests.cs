using System.Text;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Topology.Health.Internal;

namespace Topology.Health.Tests;

public sealed class HealthBoardTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Before_the_first_sample_live_is_200_and_ready_and_startup_are_503()
    {
        var board = Board(Check("loop", HealthStatus.Unhealthy, "live"), Check("nats", HealthStatus.Unhealthy, "ready"));
        Assert.Equal((200, "healthy"), Read(board, ProbeKind.Live));
        Assert.Equal((503, "starting"), Read(board, ProbeKind.Ready));
        Assert.Equal((503, "starting"), Read(board, ProbeKind.Startup));
    }

    [Fact]
    public void Startup_latches_once_the_host_has_started_and_every_check_has_a_sample_even_a_bad_one()
    {
        var board = Board(Check("nats", HealthStatus.Unhealthy, "ready"));
        board.HostStarted();
        Assert.Equal(503, Read(board, ProbeKind.Startup).Code);
        Record(board, "nats", HealthStatus.Unhealthy);
        Assert.Equal((200, "healthy"), Read(board, ProbeKind.Startup));
        Assert.Equal((503, "unhealthy"), Read(board, ProbeKind.Ready));
    }

    [Fact]
    public void Startup_waits_for_its_own_checks_and_never_goes_back()
    {
        var board = Board(Check("warm", HealthStatus.Unhealthy, "startup"));
        board.HostStarted();
        Record(board, "warm", HealthStatus.Unhealthy);
        Assert.Equal(503, Read(board, ProbeKind.Startup).Code);
        Assert.False(board.IsDone(board.Checks[0]));
        Record(board, "warm", HealthStatus.Healthy);
        Assert.Equal(200, Read(board, ProbeKind.Startup).Code);
        Assert.True(board.IsDone(board.Checks[0]));

        Record(board, "warm", HealthStatus.Unhealthy, times: 5);
        _time.Advance(TimeSpan.FromDays(1));
        Assert.Equal((200, "healthy"), Read(board, ProbeKind.Startup));
        Assert.Equal((200, "healthy"), Read(board, ProbeKind.Ready));
    }

    [Fact]
    public void A_dependency_that_is_away_never_reaches_the_live_probe()
    {
        var board = Started(Check("loop", HealthStatus.Unhealthy, "live"), Check("nats", HealthStatus.Unhealthy, "ready"));
        Record(board, "nats", HealthStatus.Unhealthy, times: 100);
        Assert.Equal((200, "healthy"), Read(board, ProbeKind.Live));
        Assert.Equal((503, "unhealthy"), Read(board, ProbeKind.Ready));
    }

    [Fact]
    public void A_failing_live_check_fails_live_alone()
    {
        var board = Started(Check("loop", HealthStatus.Unhealthy, "live"), Check("nats", HealthStatus.Unhealthy, "ready"));
        Record(board, "loop", HealthStatus.Unhealthy, times: 2);
        Assert.Equal((503, "unhealthy"), Read(board, ProbeKind.Live));
        Assert.Equal((200, "healthy"), Read(board, ProbeKind.Ready));
    }

    [Fact]
    public void A_degraded_dependency_keeps_the_service_in_rotation()
    {
        var board = Started(Check("depth", HealthStatus.Degraded, "ready"));
        Record(board, "depth", HealthStatus.Degraded, times: 2);
        Assert.Equal((200, "degraded"), Read(board, ProbeKind.Ready));
    }

    [Fact]
    public void An_info_check_is_shown_and_changes_no_answer()
    {
        var board = Started(Check("backlog", HealthStatus.Unhealthy, "info"));
        Record(board, "backlog", HealthStatus.Unhealthy, times: 5);
        Assert.Equal((200, "healthy"), Read(board, ProbeKind.Ready));
        Assert.Contains("\"name\":\"backlog\",\"status\":\"unhealthy\"", Encoding.UTF8.GetString(board.Read(ProbeKind.Ready).Detail.Span), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("live", 0)]
    [InlineData("ready", 1)]
    public void Samples_older_than_period_jitter_timeout_and_thread_pool_delay_are_not_believed(string tag, int probe)
    {
        var board = Started(Check("any", HealthStatus.Unhealthy, tag));
        _time.Advance(TimeSpan.FromSeconds(5 * 1.2 + 2 + 5) - TimeSpan.FromTicks(1));
        Assert.Equal(200, Read(board, (ProbeKind)probe).Code);
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal((503, "stale"), Read(board, (ProbeKind)probe));
        Record(board, "any", HealthStatus.Healthy);
        Assert.Equal((200, "healthy"), Read(board, (ProbeKind)probe));
    }

    [Fact]
    public void A_process_whose_own_loops_are_not_sampled_is_not_ready()
    {
        var board = Started(Check("loop", HealthStatus.Unhealthy, "live"));
        _time.Advance(TimeSpan.FromSeconds(13));
        Assert.Equal((503, "stale"), Read(board, ProbeKind.Ready));
    }

    [Fact]
    public void The_oldest_sample_decides_about_age()
    {
        var board = Started(Check("one", HealthStatus.Unhealthy, "ready"), Check("two", HealthStatus.Unhealthy, "ready"));
        _time.Advance(TimeSpan.FromSeconds(10));
        Record(board, "one", HealthStatus.Healthy);
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal((503, "stale"), Read(board, ProbeKind.Ready));
    }

    [Fact]
    public void Draining_turns_ready_at_once_and_leaves_live_alone()
    {
        var board = Started(Check("loop", HealthStatus.Unhealthy, "live"));
        board.Drain();
        Assert.Equal((503, "draining"), Read(board, ProbeKind.Ready));
        Assert.Equal((200, "healthy"), Read(board, ProbeKind.Live));
    }

    [Fact]
    public void Reading_the_snapshot_allocates_nothing()
    {
        var board = Board(TimeProvider.System, Check("loop", HealthStatus.Unhealthy, "live"), Check("nats", HealthStatus.Unhealthy, "ready"));
        Assert.Equal(0, Allocated(board, 1_000));
        Assert.Equal(0, Allocated(board, 100_000));

        static long Allocated(HealthBoard board, int reads)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < reads; i++)
            {
                _ = board.Read(ProbeKind.Live);
                _ = board.Read(ProbeKind.Ready);
                _ = board.Read(ProbeKind.Startup);
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    private static HealthCheckRegistration Check(string name, HealthStatus failure, string tag) =>
        new TestCheck(HealthStatus.Healthy).As(name, failure, tag);

    private static (int Code, string Status) Read(HealthBoard board, ProbeKind probe) => (board.Read(probe).StatusCode, board.Read(probe).Status);

    private static void Record(HealthBoard board, string name, HealthStatus status, int times = 1)
    {
        for (var i = 0; i < times; i++)
            board.Record(board.Checks.Single(check => check.Name == name), new CheckObservation(status, HealthCodes.Of(status), TimeSpan.Zero));
    }

    private static HealthBoard Board(TimeProvider time, params HealthCheckRegistration[] checks)
    {
        var registered = new HealthCheckServiceOptions();
        foreach (var check in checks)
            registered.Registrations.Add(check);
        return new HealthBoard(
            Options.Create(new HealthOptions()), Options.Create(registered), time, new HealthMetrics(null), NullLogger<HealthBoard>.Instance);
    }

    private HealthBoard Board(params HealthCheckRegistration[] checks) => Board(_time, checks);

    private HealthBoard Started(params HealthCheckRegistration[] checks)
    {
        var board = Board(checks);
        board.HostStarted();
        foreach (var check in checks)
            Record(board, check.Name, HealthStatus.Healthy);
        return board;
    }
}
