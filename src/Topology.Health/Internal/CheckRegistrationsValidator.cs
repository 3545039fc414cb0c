using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Topology.Health.Internal;

/// <summary>Refuses tags that contradict each other.</summary>
internal sealed class CheckRegistrationsValidator : IValidateOptions<HealthCheckServiceOptions>
{
    public ValidateOptionsResult Validate(string? name, HealthCheckServiceOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        foreach (var registration in options.Registrations)
        {
            if (registration.Tags.Contains(HealthProbeTags.Live) && registration.Tags.Contains(HealthProbeTags.Ready))
                result.AddError($"Health check '{registration.Name}': tags are 'live' and 'ready'; it must be one of them, "
                    + "because a dependency that is away must never get the container restarted.");
        }

        return result.Build();
    }
}
