using Topology.Idempotency.Chaos;
using Topology.TestKit;

namespace Topology.Idempotency.Tests;

/// <summary>The short form of <c>eng/chaos.sh idempotency</c>.</summary>
public sealed class ChaosTests(RedisFixture redis)
{
    private readonly ChaosRun _run = new(redis.Server.Port);

    [Fact]
    public async Task Processes_that_race_for_keys_run_each_exactly_once() =>
        Check(await _run.RaceAsync(new RaceSettings(Processes: 3, Keys: 250, MinRacers: 2, MaxRacers: 16)));

    [Fact]
    public async Task Lost_answers_cut_connections_and_flushed_scripts_change_nothing_about_that()
    {
        await using var server = await RedisServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        Check(await new ChaosRun(server.Port).RaceAsync(new RaceSettings(Processes: 2, Keys: 250, MinRacers: 2, MaxRacers: 4, Faults: true)));
    }

    [Fact]
    public async Task After_an_owner_was_killed_exactly_one_takes_over_in_time() =>
        Check(await _run.KillOwnerAsync(times: 1, lease: TimeSpan.FromSeconds(2)));

    [Fact]
    public async Task An_owner_that_was_stopped_and_goes_on_is_refused() =>
        Check(await _run.StopOwnerAsync(times: 1, lease: TimeSpan.FromSeconds(1)));

    [Fact]
    public async Task No_write_of_a_stale_owner_is_accepted() => Check(await _run.StaleWritesAsync(300));

    private static void Check(ChaosResult result) => Assert.True(result.Ok, result.Text);
}
