using System.Globalization;
using System.Text.RegularExpressions;
using k8s.Models;
using Microsoft.Extensions.Hosting;
using Platform.ServiceDefaults;

namespace Topology.Samples.Tests.Deploy.Rules;

/// <summary>What every pod must be: confined, bounded, pinned, spread, given time to end, told where its servers are.</summary>
internal static partial class PodRules
{
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(5);

    public static IEnumerable<Finding> Check(ManifestSet set)
    {
        foreach (var missing in PlatformGraph.Services.Except(set.Deployments.Select(item => item.Metadata.Name)))
            yield return new("services", $"{missing} has no Deployment");
        if (set.Of<V1Namespace>().SingleOrDefault()?.Metadata.Labels?.TryGetValue("pod-security.kubernetes.io/enforce", out var level) != true || level != "restricted")
            yield return new("security", "the namespace does not enforce the restricted level");
        foreach (var workload in set.Workloads)
        {
            foreach (var finding in (IEnumerable<Finding>)[.. Security(workload), .. Resources(workload), .. Images(workload)])
                yield return finding;
        }

        foreach (var workload in set.Workloads.Where(item => !item.IsState))
        {
            foreach (var finding in (IEnumerable<Finding>)[.. Grace(workload), .. Spread(workload), .. Environment(set, workload)])
                yield return finding;
        }
    }

    // The restricted level of the Pod Security Standards, and a read-only file system.
    private static IEnumerable<Finding> Security(Workload workload)
    {
        var pod = workload.Pod.SecurityContext;
        if (pod?.RunAsNonRoot != true || pod.RunAsUser is null or 0)
            yield return new("security", $"{workload.Name} may run as root");
        if (pod?.SeccompProfile?.Type != "RuntimeDefault")
            yield return new("security", $"{workload.Name} has no seccomp profile");
        if (workload.Pod.AutomountServiceAccountToken != false)
            yield return new("security", $"{workload.Name} is given a token of the API server, which it does not need");
        if (workload.Pod.HostNetwork == true || (workload.Pod.Volumes ?? []).Any(volume => volume.HostPath is not null))
            yield return new("security", $"{workload.Name} reaches into its node");
        foreach (var container in workload.Pod.Containers)
        {
            var context = container.SecurityContext;
            if (context?.AllowPrivilegeEscalation != false || context.Privileged == true || context.Capabilities?.Drop?.Contains("ALL") != true || context.Capabilities.Add?.Count > 0)
                yield return new("security", $"{workload.Name}/{container.Name} may gain privileges");
            if (context?.ReadOnlyRootFilesystem != true)
                yield return new("security", $"{workload.Name}/{container.Name} may write to its image");
        }
    }

    private static IEnumerable<Finding> Resources(Workload workload) =>
        from container in workload.Pod.Containers
        let requests = container.Resources?.Requests
        let limits = container.Resources?.Limits
        where requests?.ContainsKey("cpu") != true || requests?.ContainsKey("memory") != true || limits?.ContainsKey("memory") != true || limits.ContainsKey("cpu")
        select new Finding("resources", $"{workload.Name}/{container.Name} must request cpu and memory and limit memory alone: a cpu limit slows it while the node is idle");

    private static IEnumerable<Finding> Images(Workload workload) =>
        from container in workload.Pod.Containers
        where !Pinned().IsMatch(container.Image)
        select new Finding("image", $"{workload.Name}/{container.Name} runs {container.Image}, which is not one version");

    private static IEnumerable<Finding> Grace(Workload workload)
    {
        var given = TimeSpan.FromSeconds(workload.Pod.TerminationGracePeriodSeconds ?? 30);
        var needed = new HostOptions().ShutdownTimeout + Margin;
        var preStop = workload.Container.Lifecycle?.PreStop is not null;
        if (given < needed)
            yield return new("grace", $"{workload.Name} is killed after {given.TotalSeconds} s; draining and stopping may take {needed.TotalSeconds} s");
        if (preStop)
            yield return new("grace", $"{workload.Name} drains by itself; a preStop hook only adds to it");
    }

    private static IEnumerable<Finding> Spread(Workload workload)
    {
        var keys = (workload.Pod.TopologySpreadConstraints ?? []).Where(constraint => WorkloadRules.Selects(constraint.LabelSelector, workload.Labels)).Select(constraint => constraint.TopologyKey).ToList();
        if (!keys.Contains("kubernetes.io/hostname") || !keys.Contains("topology.kubernetes.io/zone"))
            yield return new("spread", $"{workload.Name} may have all its pods on one node or in one zone");
        // Counted together with other services' pods the skew says nothing about this one.
        foreach (var constraint in (workload.Pod.TopologySpreadConstraints ?? []).Where(constraint => constraint.MatchLabelKeys?.Contains("app.kubernetes.io/name") != true))
            yield return new("spread", $"{workload.Name} is spread together with other services over {constraint.TopologyKey}");
    }

    private static IEnumerable<Finding> Environment(ManifestSet set, Workload workload)
    {
        var environment = Environment(set, workload.Container);
        foreach (var (server, key) in new[] { (PlatformGraph.Nats, "ConnectionStrings__nats"), (PlatformGraph.Redis, "ConnectionStrings__redis") })
        {
            var calls = PlatformGraph.Calls.Any(call => call.From == workload.Name && call.To == server);
            if (calls != environment.ContainsKey(key))
                yield return new("environment", $"{workload.Name} {(calls ? "calls" : "does not call")} {server}, but {key} is {(calls ? "not " : "")}set");
        }

        if (environment.GetValueOrDefault(PlatformNames.ManagementPortKey) != PlatformNames.ManagementPort.ToString(CultureInfo.InvariantCulture))
            yield return new("environment", $"{workload.Name} is not told its management port {PlatformNames.ManagementPort}");
        if (workload.Port("mgmt")?.ContainerPort != PlatformNames.ManagementPort || workload.Port("http")?.ContainerPort != PlatformGraph.PortOf(workload.Name))
            yield return new("ports", $"{workload.Name} does not name the ports it listens on: http {PlatformGraph.PortOf(workload.Name)}, mgmt {PlatformNames.ManagementPort}");

        var router = PlatformNames.RouterAddressKey.Replace(":", "__", StringComparison.Ordinal);
        var callsRouter = PlatformGraph.Calls.Any(call => call.From == workload.Name && call.To == PlatformNames.RouterService);
        if (callsRouter && !(Uri.TryCreate(environment.GetValueOrDefault(router), UriKind.Absolute, out var address)
            && set.Of<V1Service>().Any(service => service.Metadata.Name == address.Host && service.Spec.Ports.Any(port => port.Port == address.Port))))
        {
            yield return new("environment", $"{router} of {workload.Name} names no Service and port that are there");
        }
    }

    private static Dictionary<string, string?> Environment(ManifestSet set, V1Container container)
    {
        var environment = new Dictionary<string, string?>();
        foreach (var map in (container.EnvFrom ?? []).Select(source => source.ConfigMapRef?.Name).Where(name => name is not null))
        {
            foreach (var (key, value) in set.Of<V1ConfigMap>().FirstOrDefault(item => item.Metadata.Name == map)?.Data ?? new Dictionary<string, string>())
                environment[key] = value;
        }

        foreach (var item in container.Env ?? [])
            environment[item.Name] = item.Value;
        return environment;
    }

    [GeneratedRegex(@"^[^:@]+(:[0-9]+\.[0-9]+\.[0-9]+[-a-z0-9.]*(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})$")]
    private static partial Regex Pinned();
}
