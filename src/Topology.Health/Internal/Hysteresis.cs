using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Topology.Health.Internal;

/// <summary>The status a check counts with: it follows the samples only after enough of them in a row point the same way.</summary>
internal struct Hysteresis(int failureThreshold, int successThreshold)
{
    private int _worse;
    private int _better;

    /// <summary>The status that counts; <see langword="null"/> before the first sample.</summary>
    public HealthStatus? Status { get; private set; }

    /// <returns>Whether <see cref="Status"/> changed.</returns>
    public bool Observe(HealthStatus sample)
    {
        if (Status is not { } status)
        {
            Status = sample;
            return true;
        }

        _worse = sample < status ? _worse + 1 : 0;
        _better = sample > status ? _better + 1 : 0;
        if (_worse < failureThreshold && _better < successThreshold)
            return false;
        _worse = _better = 0;
        Status = sample;
        return true;
    }
}
