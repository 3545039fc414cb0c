namespace Topology.Benchmarks.Retry;

internal static class RetryStormPlot
{
    public static void Write(string file) => throw new NotImplementedException(file);
}
