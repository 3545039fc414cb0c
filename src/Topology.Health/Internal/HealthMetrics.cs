using System.Diagnostics.Metrics;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Topology.Health.Internal;

internal sealed class HealthMetrics
{
    private readonly Meter? _meter;
    private readonly Histogram<double>? _duration;
    private readonly Counter<long>? _transitions;

    public HealthMetrics(IMeterFactory? factory)
    {
        _meter = factory?.Create("Topology.Health");
        _duration = _meter?.CreateHistogram<double>("topology.health.check.duration", "s", "Time a run of a check took, its deadline at most.");
        _transitions = _meter?.CreateCounter<long>("topology.health.transitions", "{transition}", "Changes of the status a check counts with.");
    }

    public void Observe(HealthBoard board)
    {
        _meter?.CreateObservableGauge("topology.health.status", () => board.States()
            .Where(static check => check.Status is not null)
            .Select(static check => new Measurement<int>((int)check.Status!.Value, Check(check.Name))), null, "2 healthy, 1 degraded, 0 unhealthy.");
        _meter?.CreateObservableGauge("topology.health.check.age", () => board.States()
            .Select(static check => new Measurement<double>(check.Age.TotalSeconds, Check(check.Name))), "s", "Time since the last sample of a check.");
    }

    public void Sampled(CheckEntry check, bool changed)
    {
        if (_duration is { Enabled: true })
            _duration.Record(check.Duration.TotalSeconds, Check(check.Name));
        if (changed && _transitions is { Enabled: true })
            _transitions.Add(1, Check(check.Name), new("status", HealthBody.Text(check.Status)));
    }

    private static KeyValuePair<string, object?> Check(string name) => new("check", name);
}
