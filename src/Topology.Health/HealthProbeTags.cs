namespace Topology.Health;

/// <summary>The tags that give a stock <c>IHealthCheck</c> registration its place. A registration with none of the first four is not sampled.</summary>
public static class HealthProbeTags
{
    /// <summary>Facts of this process only, such as the heartbeat of a loop: failing gets the container restarted. Never together with <see cref="Ready"/>.</summary>
    public const string Live = "live";

    /// <summary>A dependency. Its <c>FailureStatus</c> says what its loss means: Unhealthy takes the service out of rotation, Degraded does not.</summary>
    public const string Ready = "ready";

    /// <summary>Work to be done once before traffic, such as a warm-up. It is sampled until the startup probe latches, then never again.</summary>
    public const string Startup = "startup";

    /// <summary>Shown in the detail of the ready probe; changes no answer.</summary>
    public const string Info = "info";

    /// <summary>The prefix of a tag that declares a code: a result whose description equals a declared code shows it; no other description is ever shown.</summary>
    /// <example><c>tags: ["ready", "code:read_only"]</c> lets the check answer <c>HealthCheckResult.Unhealthy("read_only")</c>.</example>
    public const string CodePrefix = "code:";
}
