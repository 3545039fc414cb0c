using Microsoft.Extensions.Options;

namespace Topology.Health.Internal;

internal sealed class ServiceProbeOptionsValidator : IValidateOptions<ServiceProbeOptions>
{
    public ValidateOptionsResult Validate(string? name, ServiceProbeOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        Probe(result, $"readiness_probes.{name}", options.Readiness, mostSuccesses: 100);
        // Kubernetes refuses any other success threshold for these two.
        Probe(result, $"liveness_probes.{name}", options.Liveness, mostSuccesses: 1);
        Probe(result, $"startup_probes.{name}", options.Startup, mostSuccesses: 1);
        return result.Build();
    }

    private static void Probe(ValidateOptionsResultBuilder result, string key, ProbeOptions? probe, int mostSuccesses)
    {
        if (probe is null)
            return;
        if (probe.Path is not ['/', ..])
            result.AddError($"{key}.http_get.path is '{probe.Path}'; it must be a path that starts with '/'.");
        Range(result, $"{key}.http_get.port", probe.Port, 1, 65535);
        Range(result, $"{key}.initial_delay_seconds", probe.InitialDelaySeconds, 0, 3600);
        Range(result, $"{key}.period_seconds", probe.PeriodSeconds, 1, 3600);
        Range(result, $"{key}.timeout_seconds", probe.TimeoutSeconds, 1, 3600);
        Range(result, $"{key}.success_threshold", probe.SuccessThreshold, 1, mostSuccesses);
        Range(result, $"{key}.failure_threshold", probe.FailureThreshold, 1, 100);
    }

    private static void Range(ValidateOptionsResultBuilder result, string key, int value, int least, int most)
    {
        if (value < least || value > most)
            result.AddError(least == most ? $"{key} is {value}; it must be {least}." : $"{key} is {value}; it must be {least} to {most}.");
    }
}
