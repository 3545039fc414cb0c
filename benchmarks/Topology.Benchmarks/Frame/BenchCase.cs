using System.Globalization;

namespace Topology.Benchmarks.Frame;

/// <summary>One figure: ours divided by the rival's, against its goal.</summary>
/// <param name="Name">The name, such as <c>retry.success_sync</c>.</param>
/// <param name="Ratio">Ours divided by the rival's; not a number when the case could not run.</param>
/// <param name="Goal">The largest ratio that meets the goal; the smallest when <paramref name="AtLeast"/>.</param>
/// <param name="Broken">Why the run as a whole fails, such as a broken allocation bound; <see langword="null"/> for none. A time never fails a run.</param>
/// <param name="AtLeast">Whether more is better: the figure is a throughput.</param>
internal sealed record BenchCase(string Name, double Ratio, double Goal, string? Broken = null, bool AtLeast = false)
{
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"bench {Name} {Ratio:0.000} goal {(AtLeast ? ">=" : "<=")}{Goal:0.00} {(Met ? "ok" : "short")}{(Broken is null ? "" : $" BROKEN: {Broken}")}");

    private bool Met => AtLeast ? Ratio >= Goal : Ratio <= Goal;
}
