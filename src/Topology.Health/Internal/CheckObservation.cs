using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Topology.Health.Internal;

/// <summary>What one run of a check came to.</summary>
internal readonly record struct CheckObservation(HealthStatus Status, string Code, TimeSpan Duration);
