using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Topology.Health.Internal;

/// <summary>Refuses tags that contradict each other and checks that would go stale between two runs.</summary>
internal sealed class CheckRegistrationsValidator(IOptions<HealthOptions> health) : IValidateOptions<HealthCheckServiceOptions>
{
    public ValidateOptionsResult Validate(string? name, HealthCheckServiceOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        foreach (var registration in options.Registrations)
        {
            var check = new CheckEntry(registration, health.Value, 0);
            if (check is { Live: true, Ready: true })
                result.AddError($"Health check '{check.Name}': tags are 'live' and 'ready'; it must be one of them, "
                    + "because a dependency that is away must never get the container restarted.");
            var longest = check.Period * (1 + health.Value.Jitter) + check.Timeout;
            if (longest >= health.Value.MaxAge)
                result.AddError($"Health check '{check.Name}': two samples can be {longest} apart (period, jitter and timeout); "
                    + $"MaxAge is {health.Value.MaxAge}; it must be greater.");
        }

        return result.Build();
    }
}
