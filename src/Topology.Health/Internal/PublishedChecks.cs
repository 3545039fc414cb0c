using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Topology.Health.Internal;

/// <summary>
/// Adds the registrations that packages put into the container, so that a package needs no more than the health check abstractions.
/// A check the app registered under the same name stays.
/// </summary>
internal sealed class PublishedChecks(IEnumerable<HealthCheckRegistration> published) : IPostConfigureOptions<HealthCheckServiceOptions>
{
    public void PostConfigure(string? name, HealthCheckServiceOptions options)
    {
        var names = options.Registrations.Select(static registration => registration.Name).ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var registration in published)
        {
            if (names.Add(registration.Name))
                options.Registrations.Add(registration);
        }
    }
}
