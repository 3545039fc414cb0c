using System.Diagnostics.Metrics;

namespace Topology.Resilience.Internal.Configuration;

internal sealed class ConfigurationMetrics
{
    private readonly Counter<long>? _reloads;

    public ConfigurationMetrics(IMeterFactory? factory = null)
    {
        _reloads = factory?.Create("Topology.Resilience").CreateCounter<long>(
            "topology.configuration.reloads", null, "Changed settings that were applied or rejected.");
    }

    public void Reloaded(bool applied)
    {
        if (_reloads is { Enabled: true })
        {
            _reloads.Add(1, new KeyValuePair<string, object?>("result", applied ? "applied" : "rejected"));
        }
    }
}
