using System.Globalization;
using Topology.Idempotency.Chaos;
using Topology.TestKit;

// Without arguments, or with a number that divides its sizes: the run, as eng/chaos.sh idempotency starts it. Else: one process of it.
if (args is ["race", ..])
    return await Worker.RaceAsync(args);
if (args is ["own", ..])
    return await Worker.OwnAsync(args);

await using var server = await RedisServer.StartAsync();
var run = new ChaosRun(server.Port);
var failed = false;

var divisor = args is [var text] ? int.Parse(text, CultureInfo.InvariantCulture) : 1;
int Size(int whole) => Math.Max(1, whole / divisor);
var (keys, crowded, faulty, kills, stops, stale) = (Size(100_000), Size(2_000), Size(5_000), Size(20), Size(10), Size(3_500));

await ReportAsync($"race, {keys} keys, 2 to 32 racers, 8 processes", () => run.RaceAsync(new RaceSettings(Processes: 8, keys, MinRacers: 2, MaxRacers: 32)));
await ReportAsync($"race, {crowded} keys, 256 racers, 8 processes", () => run.RaceAsync(new RaceSettings(Processes: 8, crowded, MinRacers: 256, MaxRacers: 256)));
await ReportAsync($"race under lost answers, cut connections and flushed scripts, {faulty} keys, 2 to 8 racers, 8 processes", () => run.RaceAsync(new RaceSettings(Processes: 8, faulty, MinRacers: 2, MaxRacers: 8, Faults: true)));
await ReportAsync($"owner killed, {kills} times", () => run.KillOwnerAsync(kills, lease: TimeSpan.FromSeconds(2)));
await ReportAsync($"owner stopped and continued, {stops} times", () => run.StopOwnerAsync(stops, lease: TimeSpan.FromSeconds(1)));
await ReportAsync($"stale owners, {stale} take-overs", () => run.StaleWritesAsync(stale));
return failed ? 1 : 0;

async Task ReportAsync(string name, Func<Task<ChaosResult>> phase)
{
    var clock = System.Diagnostics.Stopwatch.StartNew();
    var result = await phase();
    failed |= !result.Ok;
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"chaos idempotency {(result.Ok ? "ok" : "FAILED")} {name}: {result.Text} ({clock.Elapsed.TotalSeconds:0} s)"));
}
