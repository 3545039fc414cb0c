using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Platform.RouterService;

/// <summary>Picks who does a task: the agent with the lowest score among those that can.</summary>
internal sealed class AgentRouter
{
    private readonly AgentTable _table;
    private readonly Histogram<double> _latency;

    public AgentRouter(AgentTable table, IMeterFactory meters)
    {
        _table = table;

        // The specification's name, unit in the name; what the autoscaler reads is the 95th percentile of it.
        _latency = meters.Create("Platform.RouterService").CreateHistogram(
            "router_decision_latency_ms",
            description: "Time of a routing decision in milliseconds",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250] });
    }

    public Agent Decide(string task)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            return _table.Agents.Where(agent => agent.CanDo(task)).MinBy(agent => agent.Score)!;
        }
        finally
        {
            _latency.Record(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
    }
}
