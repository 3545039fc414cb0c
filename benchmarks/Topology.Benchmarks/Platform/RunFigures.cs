namespace Topology.Benchmarks.Platform;

/// <summary>What one load measured.</summary>
/// <param name="InFlight">How many runs were under way at once.</param>
/// <param name="Runs">How many there were.</param>
/// <param name="Lost">How many were accepted and did not complete.</param>
/// <param name="PerSecond">Completed runs a second.</param>
/// <param name="P50">Half of the runs completed within, from the request on, in milliseconds.</param>
/// <param name="P99">All but one of a hundred did.</param>
/// <param name="Cost">What the servers did for all of them.</param>
internal sealed record RunFigures(int InFlight, int Runs, int Lost, double PerSecond, double P50, double P99, ServerCounts Cost)
{
    public double NatsMessages => (double)Cost.NatsMessages / Runs;

    public double NatsBytes => (double)Cost.NatsBytes / Runs;

    public double RedisCommands => (double)Cost.RedisCommands / Runs;

    public double RedisBytes => (double)Cost.RedisBytes / Runs;
}
