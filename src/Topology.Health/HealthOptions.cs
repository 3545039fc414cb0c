namespace Topology.Health;

/// <summary>How checks are sampled, where probes answer, and how long a stopping service keeps serving.</summary>
/// <remarks>
/// A check's own <c>HealthCheckRegistration.Period</c> and <c>Timeout</c> win over <see cref="Period"/> and <see cref="Timeout"/>;
/// its <c>Delay</c> is ignored, because the startup probe waits for the first sample of every check.
/// </remarks>
public sealed class HealthOptions
{
    /// <summary>Gets or sets the name under which this service's probes are declared, such as <c>api_gateway</c>.</summary>
    /// <value>The default is <see langword="null"/>: nothing is compared.</value>
    /// <remarks>When it is set, the paths of the <see cref="ServiceProbeOptions"/> of that name must be the paths mapped here.</remarks>
    public string? ServiceName { get; set; }

    /// <summary>Gets or sets the path of the liveness probe.</summary>
    /// <value>The default is <c>/health/live</c>.</value>
    public string LivePath { get; set; } = "/health/live";

    /// <summary>Gets or sets the path of the readiness probe.</summary>
    /// <value>The default is <c>/health/ready</c>.</value>
    public string ReadyPath { get; set; } = "/health/ready";

    /// <summary>Gets or sets the path of the startup probe.</summary>
    /// <value>The default is <c>/health/startup</c>.</value>
    public string StartupPath { get; set; } = "/health/startup";

    /// <summary>Gets or sets the local port on which probes answer with the state of every check.</summary>
    /// <value>The default is <see langword="null"/>: nowhere. The range is 1 to 65535.</value>
    /// <remarks>The port of the accepted socket decides, not the <c>Host</c> header. Every other port gets the status alone. The app must listen on it.</remarks>
    public int? ManagementPort { get; set; }

    /// <summary>Gets or sets the time between two runs of a check.</summary>
    /// <value>The default is 5 seconds; the range is 100 ms to 1 hour.</value>
    public TimeSpan Period { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Gets or sets the part of the period by which each wait is varied, up and down, so that replicas do not ask in step.</summary>
    /// <value>The default is 0.2; the range is 0 to 0.5.</value>
    public double Jitter { get; set; } = 0.2;

    /// <summary>Gets or sets the time after which a run has failed, whether or not the check watches its token.</summary>
    /// <value>The default is 2 seconds; the range is 10 ms to 5 minutes.</value>
    /// <remarks>A run that does not return is left alone: no second one starts beside it.</remarks>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Gets or sets the worse samples in a row after which a check counts as worse.</summary>
    /// <value>The default is 2; the range is 1 to 100. The first sample counts at once.</value>
    public int FailureThreshold { get; set; } = 2;

    /// <summary>Gets or sets the better samples in a row after which a check counts as better.</summary>
    /// <value>The default is 2; the range is 1 to 100. The first sample counts at once.</value>
    public int SuccessThreshold { get; set; } = 2;

    /// <summary>Gets or sets the longest time a work item may wait for a thread of the pool.</summary>
    /// <value>The default is 5 seconds; the range is 100 ms to 5 minutes.</value>
    /// <remarks>
    /// It bounds the age of samples: one that is older than its period, jitter and timeout by this much is not believed, and the live and
    /// ready probes fail. Sampling goes on beside a hung check, so only a process that has no threads left gets there.
    /// </remarks>
    public TimeSpan MaxThreadPoolDelay { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Gets or sets the time for which a stopping service answers ready with 503 and still serves, so that proxies take it out first.</summary>
    /// <value>The default is 5 seconds; the range is 0 to 10 minutes.</value>
    public TimeSpan DrainDelay { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Gets or sets the time kept for requests and loops to finish after the drain delay.</summary>
    /// <value>The default is 10 seconds; the range is 0 to 10 minutes.</value>
    /// <remarks>Together with <see cref="DrainDelay"/> it must fit into <c>HostOptions.ShutdownTimeout</c>, 30 seconds by default.</remarks>
    public TimeSpan StopBudget { get; set; } = TimeSpan.FromSeconds(10);
}
