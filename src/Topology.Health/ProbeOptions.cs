namespace Topology.Health;

/// <summary>The timings of one Kubernetes probe. All durations are whole seconds, as Kubernetes has them.</summary>
public sealed class ProbeOptions
{
    /// <summary>Gets or sets the path that is asked.</summary>
    /// <value>The default is <c>/health/ready</c>.</value>
    public string Path { get; set; } = "/health/ready";

    /// <summary>Gets or sets the port that is asked.</summary>
    /// <value>The default is 8000; the range is 1 to 65535.</value>
    public int Port { get; set; } = 8000;

    /// <summary>Gets or sets the seconds after the container's start before the first probe.</summary>
    /// <value>The default is 0; the range is 0 to 3600.</value>
    public int InitialDelaySeconds { get; set; }

    /// <summary>Gets or sets the seconds between two probes.</summary>
    /// <value>The default is 10; the range is 1 to 3600.</value>
    public int PeriodSeconds { get; set; } = 10;

    /// <summary>Gets or sets the seconds after which a probe has failed.</summary>
    /// <value>The default is 1; the range is 1 to 3600.</value>
    public int TimeoutSeconds { get; set; } = 1;

    /// <summary>Gets or sets the successes in a row after which the service counts as well again.</summary>
    /// <value>The default is 1; the range is 1 to 100. A liveness or startup probe allows only 1.</value>
    public int SuccessThreshold { get; set; } = 1;

    /// <summary>Gets or sets the failures in a row after which the service counts as failed.</summary>
    /// <value>The default is 3; the range is 1 to 100.</value>
    public int FailureThreshold { get; set; } = 3;
}
