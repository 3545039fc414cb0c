using System.Collections.Frozen;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Topology.Health.Internal;

/// <summary>Every text a body can hold is fixed here or at registration, so nothing that happens at run time can leak.</summary>
internal static class HealthCodes
{
    public const string Ok = "ok";
    public const string Degraded = "degraded";
    public const string Unhealthy = "unhealthy";
    public const string NotSampled = "not_sampled";
    public const string Timeout = "timeout";
    public const string Threw = "threw";
    public const string CannotBuild = "cannot_build";

    public const string LoopSilent = "loop_silent";

    public static string Of(HealthStatus status) => status switch
    {
        HealthStatus.Healthy => Ok,
        HealthStatus.Degraded => Degraded,
        _ => Unhealthy,
    };

    public static FrozenSet<string> Declared(HealthCheckRegistration registration) => registration.Tags
        .Where(static tag => tag.StartsWith(HealthProbeTags.CodePrefix, StringComparison.Ordinal))
        .Select(static tag => tag[HealthProbeTags.CodePrefix.Length..])
        .ToFrozenSet(StringComparer.Ordinal);
}
