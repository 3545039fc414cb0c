namespace Topology.Health;

/// <summary>The probes of one service. Named options; the name is the service's, such as <c>api_gateway</c>.</summary>
public sealed class ServiceProbeOptions
{
    /// <summary>Gets or sets the readiness probe, or <see langword="null"/> when the service declares none.</summary>
    public ProbeOptions? Readiness { get; set; }

    /// <summary>Gets or sets the liveness probe, or <see langword="null"/> when the service declares none.</summary>
    public ProbeOptions? Liveness { get; set; }

    /// <summary>Gets or sets the startup probe, or <see langword="null"/> when the service declares none.</summary>
    /// <remarks>Until it succeeds Kubernetes asks neither of the others, so they need no initial delay beside it.</remarks>
    public ProbeOptions? Startup { get; set; }
}
