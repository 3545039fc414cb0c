using Topology.Benchmarks.Dlq;
using Topology.Benchmarks.Frame;
using Topology.Benchmarks.Health;
using Topology.Benchmarks.Idempotency;
using Topology.Benchmarks.Platform;
using Topology.Benchmarks.Retry;
using Topology.Benchmarks.Saga;
using Topology.Benchmarks.SagaJetStream;

// AREA|all [--quick] [--results DIRECTORY]: run by eng/bench.sh.
// storm FILE: draws the retry storm of docs/retry.md, run by eng/storm.sh.
if (args is ["storm", var file])
{
    RetryStormPlot.Write(file);
    return 0;
}

IBenchArea[] areas = [new RetryArea(), new IdempotencyArea(), new HealthArea(), new DlqArea(), new SagaArea(), new JetStreamSagaArea(), new PlatformArea()];
var wanted = args.FirstOrDefault() ?? "";
var quick = args.Contains("--quick");

// The platform takes longer than the rest together to start: a quick look at all is not for it.
var chosen = areas.Where(area => wanted == area.Name || (wanted == "all" && !(quick && area is PlatformArea))).ToList();
if (chosen.Count == 0)
{
    Console.Error.WriteLine($"usage: bench.sh {string.Join('|', areas.Select(area => area.Name))}|all [--quick]");
    return 2;
}

var results = args.SkipWhile(argument => argument != "--results").Skip(1).FirstOrDefault();
var broken = false;
foreach (var area in chosen)
{
    var report = area.Run(quick);
    foreach (var result in report.Cases)
    {
        Console.WriteLine(result);
        broken |= result.Broken is not null || double.IsNaN(result.Ratio);
    }

    if (results is not null)
    {
        Directory.CreateDirectory(results);
        var lines = string.Join('\n', report.Cases.Select(result => result.ToString()));
        File.WriteAllText(
            Path.Combine(results, area.Name + ".md"),
            $"# {area.Name}\n\nMachine: {Machine.Describe()}.\nMade by `eng/bench.sh {area.Name}`.\n\n```\n{lines}\n```\n\n{report.Markdown}");
    }
}

return broken ? 1 : 0;
