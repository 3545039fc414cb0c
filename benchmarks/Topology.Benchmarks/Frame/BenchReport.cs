namespace Topology.Benchmarks.Frame;

/// <summary>What one area measured.</summary>
/// <param name="Cases">The figures with a goal.</param>
/// <param name="Markdown">The tables behind them, for <c>benchmarks/results</c>.</param>
internal sealed record BenchReport(IReadOnlyList<BenchCase> Cases, string Markdown);
