using System.Globalization;
using Topology.Idempotency.Chaos;
using Topology.TestKit;

// Without arguments: the whole run, as eng/chaos.sh idempotency starts it. With arguments: one process of it.
if (args is ["race", ..])
    return await Worker.RaceAsync(args);
if (args is ["own", ..])
    return await Worker.OwnAsync(args);

await using var server = await RedisServer.StartAsync();
var run = new ChaosRun(server.Port);
var failed = false;

await ReportAsync("race, 100,000 keys, 2 to 32 racers, 8 processes", () => run.RaceAsync(new RaceSettings(Processes: 8, Keys: 100_000, MinRacers: 2, MaxRacers: 32)));
await ReportAsync("race, 2,000 keys, 256 racers, 8 processes", () => run.RaceAsync(new RaceSettings(Processes: 8, Keys: 2_000, MinRacers: 256, MaxRacers: 256)));
await ReportAsync("race under cut connections and flushed scripts, 5,000 keys, 2 to 8 racers", () => run.RaceAsync(new RaceSettings(8, 5_000, 2, 8, Faults: true)));
await ReportAsync("owner killed, 20 times", () => run.KillOwnerAsync(times: 20, lease: TimeSpan.FromSeconds(2)));
await ReportAsync("owner stopped and continued, 10 times", () => run.StopOwnerAsync(times: 10, lease: TimeSpan.FromSeconds(1)));
await ReportAsync("stale writes, 10,000 and more", () => run.StaleWritesAsync(3_500));
return failed ? 1 : 0;

async Task ReportAsync(string name, Func<Task<ChaosResult>> phase)
{
    var clock = System.Diagnostics.Stopwatch.StartNew();
    var result = await phase();
    failed |= !result.Ok;
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"chaos idempotency {(result.Ok ? "ok" : "FAILED")} {name}: {result.Text} ({clock.Elapsed.TotalSeconds:0} s)"));
}
