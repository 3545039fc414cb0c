using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Topology.Health.Internal;

internal sealed class HealthOptionsValidator(IOptions<HostOptions> host, IOptionsFactory<ServiceProbeOptions> probes) : IValidateOptions<HealthOptions>
{
    private static readonly TimeSpan TenMinutes = TimeSpan.FromMinutes(10);

    public ValidateOptionsResult Validate(string? name, HealthOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        Path(result, nameof(options.LivePath), options.LivePath);
        Path(result, nameof(options.ReadyPath), options.ReadyPath);
        Path(result, nameof(options.StartupPath), options.StartupPath);
        string[] paths = [options.LivePath, options.ReadyPath, options.StartupPath];
        if (paths.Distinct(StringComparer.OrdinalIgnoreCase).Count() != paths.Length)
            result.AddError($"Topology.Health: LivePath, ReadyPath and StartupPath are '{string.Join("', '", paths)}'; they must differ.");

        if (options.ManagementPort is { } port and (< 1 or > 65535))
            result.AddError($"Topology.Health: ManagementPort is {port}; it must be 1 to 65535.");
        Range(result, nameof(options.Period), options.Period, TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1));
        Range(result, nameof(options.Timeout), options.Timeout, TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(5));
        Range(result, nameof(options.MaxThreadPoolDelay), options.MaxThreadPoolDelay, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(5));
        Range(result, nameof(options.DrainDelay), options.DrainDelay, TimeSpan.Zero, TenMinutes);
        Range(result, nameof(options.StopBudget), options.StopBudget, TimeSpan.Zero, TenMinutes);
        Threshold(result, nameof(options.FailureThreshold), options.FailureThreshold);
        Threshold(result, nameof(options.SuccessThreshold), options.SuccessThreshold);
        if (options.Jitter is not (>= 0 and <= 0.5))
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"Topology.Health: Jitter is {options.Jitter}; it must be 0 to 0.5."));

        if (options.ServiceName is { } service)
        {
            var declared = probes.Create(service);
            SamePath(result, $"readiness_probes.{service}", declared.Readiness, nameof(options.ReadyPath), options.ReadyPath);
            SamePath(result, $"liveness_probes.{service}", declared.Liveness, nameof(options.LivePath), options.LivePath);
            SamePath(result, $"startup_probes.{service}", declared.Startup, nameof(options.StartupPath), options.StartupPath);
        }

        if (options.DrainDelay + options.StopBudget > host.Value.ShutdownTimeout)
            result.AddError($"Topology.Health: DrainDelay {options.DrainDelay} and StopBudget {options.StopBudget} are longer than "
                + $"HostOptions.ShutdownTimeout, which is {host.Value.ShutdownTimeout}; it must be at least {options.DrainDelay + options.StopBudget}.");
        return result.Build();
    }

    private static void Path(ValidateOptionsResultBuilder result, string key, string path)
    {
        if (path is not ['/', _, ..])
            result.AddError($"Topology.Health: {key} is '{path}'; it must be a path that starts with '/'.");
    }

    private static void SamePath(ValidateOptionsResultBuilder result, string key, ProbeOptions? probe, string option, string path)
    {
        if (probe is not null && !string.Equals(probe.Path, path, StringComparison.OrdinalIgnoreCase))
            result.AddError($"{key}.http_get.path is '{probe.Path}'; it must be '{path}', the {option} this service answers on.");
    }

    private static void Range(ValidateOptionsResultBuilder result, string key, TimeSpan value, TimeSpan least, TimeSpan most)
    {
        if (value < least || value > most)
            result.AddError($"Topology.Health: {key} is {value}; it must be {least} to {most}.");
    }

    private static void Threshold(ValidateOptionsResultBuilder result, string key, int value)
    {
        if (value is < 1 or > 100)
            result.AddError($"Topology.Health: {key} is {value}; it must be 1 to 100.");
    }
}
