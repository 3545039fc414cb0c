namespace Topology.Benchmarks.Frame;

/// <summary>The benchmarks of one package.</summary>
internal interface IBenchArea
{
    /// <summary>Gets the word that <c>eng/bench.sh</c> takes, and the name of the results file.</summary>
    string Name { get; }

    /// <summary>Runs every case.</summary>
    /// <param name="quick">Shows in well under a minute that each case runs and keeps its allocation bounds; its times are rough.</param>
    BenchReport Run(bool quick);
}
