using System.Globalization;
using System.Net;
using Topology.Benchmarks.Frame;

namespace Topology.Benchmarks.Health;

/// <summary>Topology.Health against <c>MapHealthChecks</c> with the same checks. The figure with a goal is the rival's best case: each completes at once.</summary>
internal sealed class HealthArea : IBenchArea
{
    public string Name => "health";

    public BenchReport Run(bool quick)
    {
        var measured = MicroBenchmark.Run<HealthBenchmarks>(quick);
        var probe = (Ours: measured["probe_vs_stock", "ours"], Stock: measured["probe_vs_stock", "stock"]);
        var http = (Ours: measured["http", "ours"], Stock: measured["http", "stock"]);
        var slow = (Ours: measured["http_1ms", "ours"], Stock: measured["http_1ms", "stock"]);
        var ratio = probe.Ours.Nanoseconds / probe.Stock.Nanoseconds;
        var (calls, p99, failed) = BesideHungCheckAsync(quick ? 500 : 20_000).GetAwaiter().GetResult();

        BenchCase[] cases =
        [
            new("health.probe_vs_stock", ratio, 0.30, double.IsNaN(ratio) ? "a side could not run" : null),
            new("health.dependency_calls", calls, 0, calls > 0 ? "a probe called a check" : null),
            new("health.p99_ms_beside_hung_check", p99, 5, failed > 0 ? $"{failed} probes were not answered with 200" : null),
        ];
        return new BenchReport(cases, string.Create(CultureInfo.InvariantCulture, $"""
            The rival is `MapHealthChecks` of ASP.NET Core with the same four checks. Checks that complete at once are its best case; there an
            HTTP request costs either side about the same, because the request is what costs. The fastest of 20 iterations each; a few bytes
            are of the loop that measures.

            | what | ours | stock | ratio | ours | stock |
            |---|---|---|---|---|---|
            | the endpoint alone, checks complete at once | {probe.Ours.Nanoseconds:0} ns | {probe.Stock.Nanoseconds:0} ns | {ratio:0.000} | {probe.Ours.Bytes} B | {probe.Stock.Bytes} B |
            | one HTTP request over loopback, checks complete at once | {http.Ours.Nanoseconds / 1000:0} µs | {http.Stock.Nanoseconds / 1000:0} µs | {http.Ours.Nanoseconds / http.Stock.Nanoseconds:0.000} | {http.Ours.Bytes} B | {http.Stock.Bytes} B |
            | one HTTP request over loopback, each check awaits a 1 ms timer | {slow.Ours.Nanoseconds / 1000:0} µs | {slow.Stock.Nanoseconds / 1000:0} µs | {slow.Ours.Nanoseconds / slow.Stock.Nanoseconds:0.000} | {slow.Ours.Bytes} B | {slow.Stock.Bytes} B |

            Beside a check that never returns, one request after another over loopback: p99 {p99:0.00} ms, {calls} calls of a check. The stock
            endpoint does not answer at all: it waits for the check.

            """));
    }

    private static async Task<(int Calls, double P99, int Failed)> BesideHungCheckAsync(int probes)
    {
        await using var app = await HealthBenchApp.StartAsync(sampled: true, hung: true);
        while (await app.AskAsync() != HttpStatusCode.OK)
            await Task.Delay(10);
        for (var i = 0; i < 200; i++)
            await app.AskAsync();

        var before = app.Calls;
        var times = new double[probes];
        var failed = 0;
        for (var i = 0; i < probes; i++)
        {
            var started = TimeProvider.System.GetTimestamp();
            failed += await app.AskAsync() == HttpStatusCode.OK ? 0 : 1;
            times[i] = TimeProvider.System.GetElapsedTime(started).TotalMilliseconds;
        }

        Array.Sort(times);
        return (app.Calls - before, times[probes * 99 / 100], failed);
    }
}
