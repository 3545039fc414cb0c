using System.Globalization;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Topology.Health;

namespace Topology.Samples.Tests.Deploy.Rules;

/// <summary>The probes of a manifest are those of the service's options.</summary>
internal static class ProbeRules
{
    private static readonly Lazy<IOptionsMonitor<ServiceProbeOptions>> Declared = new(Read);

    public static IEnumerable<Finding> Check(ManifestSet set)
    {
        foreach (var workload in set.Workloads.Where(item => !item.IsState))
        {
            var options = Declared.Value.Get(OptionsName(workload.Name));
            var wanted = KubernetesYaml.Deserialize<V1Container>(KubernetesProbes.ToYaml(options), strict: true);
            foreach (var (name, actual, declared) in new[]
            {
                ("startupProbe", workload.Container.StartupProbe, wanted.StartupProbe),
                ("readinessProbe", workload.Container.ReadinessProbe, wanted.ReadinessProbe),
                ("livenessProbe", workload.Container.LivenessProbe, wanted.LivenessProbe),
            })
            {
                if (Describe(actual) != Describe(declared))
                    yield return new("probes", $"{name} of {workload.Name} is {Describe(actual)}; its options say {Describe(declared)}");
                if (actual?.HttpGet?.Port is { } port && workload.Port(port.Value) is null)
                    yield return new("probes", $"{name} of {workload.Name} asks the port {port.Value}, which it has not");
            }
        }

        foreach (var workload in set.Workloads)
        {
            foreach (var container in workload.Pod.Containers.Where(container => container.LivenessProbe is null || container.ReadinessProbe is null || container.StartupProbe is null))
                yield return new("probes", $"{workload.Name}/{container.Name} has not all three probes");
            if (workload.Container.LivenessProbe?.HttpGet?.Path is "/healthz")
                yield return new("probes", $"{workload.Name} would be restarted while it recovers");
        }
    }

    private static string Describe(V1Probe? probe) => probe?.HttpGet is not { } get
        ? "nothing"
        : string.Create(CultureInfo.InvariantCulture, $"""
            {get.Port?.Value}{get.Path} after {probe.InitialDelaySeconds ?? 0} s, every {probe.PeriodSeconds ?? 10} s, within {probe.TimeoutSeconds ?? 1} s, {probe.SuccessThreshold ?? 1} up, {probe.FailureThreshold ?? 3} down
            """);

    // The specification writes api_gateway and router-service; the options go by its names.
    private static string OptionsName(string service) => service == "api-gateway" ? "api_gateway" : service;

    private static IOptionsMonitor<ServiceProbeOptions> Read()
    {
        var services = new ServiceCollection();
        var samples = Path.Combine(EngTool.Root, "samples");
        var configuration = new ConfigurationManager();
        configuration.AddTopologyYaml(Path.Combine(samples, "Platform/topology.yaml"));
        configuration.AddTopologyYaml(Path.Combine(samples, "deploy/probes.yaml"));
        services.AddLogging().AddTopologyResilience(configuration).UseInMemory();
        return services.BuildServiceProvider().GetRequiredService<IOptionsMonitor<ServiceProbeOptions>>();
    }
}
