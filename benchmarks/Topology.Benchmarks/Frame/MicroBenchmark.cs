using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;

namespace Topology.Benchmarks.Frame;

/// <summary>Runs a BenchmarkDotNet class. Categories are cases, methods are sides.</summary>
/// <remarks>
/// All sides of a case run in one process, round after round, so that later rounds find every side's code compiled in full. A figure is the fastest
/// of many iterations that are shorter than a turn of the scheduler: on a shared machine everything above it is the neighbours.
/// </remarks>
internal sealed class MicroBenchmark
{
    private readonly Dictionary<(string Case, string Side), (double Nanoseconds, long Bytes)> _figures = [];

    public static MicroBenchmark Run<T>(bool quick)
    {
        var job = Job.Default.WithIterationTime(TimeInterval.FromMilliseconds(4)).WithWarmupCount(quick ? 10 : 20).WithIterationCount(quick ? 15 : 80);
        var config = ManualConfig.CreateEmpty()
            .AddJob(job.WithToolchain(InProcessEmitToolchain.Instance))
            .AddDiagnoser(new MemoryDiagnoser(new MemoryDiagnoserConfig(displayGenColumns: false)))
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddLogger(NullLogger.Instance)
            .WithArtifactsPath(Path.Combine(Path.GetTempPath(), "topology-benchmarks"))
            .WithOptions(ConfigOptions.DisableLogFile | ConfigOptions.DisableOptimizationsValidator);
        var benchmark = new MicroBenchmark();
        for (var round = 0; round < (quick ? 1 : 4); round++)
        {
            benchmark.Add(BenchmarkRunner.Run<T>(config));
        }

        return benchmark;
    }

    /// <summary>Returns time and bytes of one side; not a number and −1 when it could not run.</summary>
    public (double Nanoseconds, long Bytes) this[string caseName, string side] =>
        _figures.TryGetValue((caseName, side), out var figure) ? figure : (double.NaN, -1);

    /// <summary>Returns the side with the lowest time among those that start with a word: a rival is measured by its best API.</summary>
    public (string Side, double Nanoseconds, long Bytes) Best(string caseName, string word)
    {
        var found = _figures.Where(entry => entry.Key.Case == caseName && entry.Key.Side.StartsWith(word, StringComparison.Ordinal))
            .OrderBy(entry => entry.Value.Nanoseconds)
            .ToList();
        return found.Count == 0 ? ("none", double.NaN, -1) : (found[0].Key.Side, found[0].Value.Nanoseconds, found[0].Value.Bytes);
    }

    private void Add(Summary summary)
    {
        foreach (var report in summary.Reports.Where(report => report.Success && report.ResultStatistics is not null))
        {
            var descriptor = report.BenchmarkCase.Descriptor;
            var key = (descriptor.Categories[0], Side(descriptor.WorkloadMethod.Name));
            var (nanoseconds, bytes) = (report.ResultStatistics!.Min, report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase) ?? -1);
            _figures[key] = _figures.TryGetValue(key, out var earlier)
                ? (Math.Min(earlier.Nanoseconds, nanoseconds), Math.Min(earlier.Bytes, bytes))
                : (nanoseconds, bytes);
        }
    }

    // success_sync__Polly_Outcome is side "Polly_Outcome" of its case.
    private static string Side(string method) => method[(method.IndexOf("__", StringComparison.Ordinal) + 2)..];
}
