using System.Globalization;
using System.Text.RegularExpressions;
using k8s.Models;
using Platform.ServiceDefaults;

namespace Topology.Samples.Tests.Deploy.Rules;

/// <summary>One autoscaler for each service, with the specification's numbers, on names that exist.</summary>
internal static partial class ScalingRules
{
    // All that the scaler nats-jetstream knows; KEDA ignores any other.
    private static readonly string[] JetStreamKeys =
        ["account", "accountID", "stream", "consumer", "lagThreshold", "activationLagThreshold", "useHttps", "natsServerMonitoringEndpoint"];

    private static readonly (string Stream, string Consumer)[] Runs = [(PlatformNames.RunStream, PlatformNames.RunConsumer), DeployedNames.SagaItems];
    private static readonly (string Stream, string Consumer)[] Documents = [(PlatformNames.IngestStream, PlatformNames.IngestConsumer)];

    public static IEnumerable<Finding> Check(ManifestSet set)
    {
        foreach (var finding in Owners(set))
            yield return finding;
        // A smaller cluster may begin with fewer pods; every other number is the specification's everywhere.
        var least = set.Of<V1ConfigMap>().Any(map => map.Data?.TryGetValue("DOTNET_ENVIRONMENT", out var environment) == true && environment == "Development");
        foreach (var finding in set.Of<V2HorizontalPodAutoscaler>().Where(item => PlatformGraph.Services.Contains(item.Spec.ScaleTargetRef.Name)).SelectMany(item => Autoscaler(set, item, least)))
            yield return finding;
        foreach (var finding in set.Of<ScaledObject>().Where(item => PlatformGraph.Services.Contains(item.Spec.ScaleTargetRef.Name)).SelectMany(item => Scaler(set, item, least)))
            yield return finding;
    }

    private static IEnumerable<Finding> Owners(ManifestSet set)
    {
        var targets = set.Of<V2HorizontalPodAutoscaler>().Select(item => (item.Spec.ScaleTargetRef.Kind, item.Spec.ScaleTargetRef.Name))
            .Concat(set.Of<ScaledObject>().Select(item => (Kind: item.Spec.ScaleTargetRef.Kind ?? "Deployment", item.Spec.ScaleTargetRef.Name)))
            .ToList();
        foreach (var target in targets.Where(target => target.Kind != "Deployment" || !set.Deployments.Any(item => item.Metadata.Name == target.Name)))
            yield return new("autoscaler", $"there is no {target.Kind} {target.Name} to scale");
        foreach (var deployment in set.Deployments)
        {
            var owners = targets.Count(target => target.Name == deployment.Metadata.Name);
            if (owners != 1)
                yield return new("autoscaler", $"{deployment.Metadata.Name} has {owners} autoscalers; two fight, KEDA's is one");
            if (deployment.Spec.Replicas is not null)
                yield return new("autoscaler", $"{deployment.Metadata.Name} sets replicas: every apply would throw away what its autoscaler decided");
        }
    }

    private static IEnumerable<Finding> Autoscaler(ManifestSet set, V2HorizontalPodAutoscaler item, bool least)
    {
        var name = item.Spec.ScaleTargetRef.Name;
        var block = name == "api-gateway" ? "api_gateway" : name;
        if (item.Spec.MaxReplicas != Specification.Number($"{block}/maxReplicas")
            || !(item.Spec.MinReplicas == Specification.Number($"{block}/minReplicas") || (least && item.Spec.MinReplicas == 1)))
        {
            yield return new("numbers", $"{name} runs {item.Spec.MinReplicas} to {item.Spec.MaxReplicas} pods, not the specification's");
        }

        var wanted = Enumerable.Range(0, 2).Select(index => Specified($"{block}/metrics/{index}")).Order();
        var actual = item.Spec.Metrics.Select(Describe).Order();
        if (!wanted.SequenceEqual(actual))
            yield return new("numbers", $"{name} scales by {string.Join(", ", actual)}; the specification says {string.Join(", ", wanted)}");

        var workload = set.Workloads.FirstOrDefault(workload => workload.Name == name);
        if (workload is null || !item.Spec.Metrics.Any(metric => metric.Resource?.Name == "memory"))
            yield break;
        // Utilization is of the request, and a .NET heap keeps what it once had: only a bounded heap lets this scale down again.
        var target = item.Spec.Metrics.Single(metric => metric.Resource?.Name == "memory").Resource.Target.AverageUtilization;
        var memory = workload.Container.Resources;
        var heap = workload.Container.Env?.FirstOrDefault(value => value.Name == "DOTNET_GCHeapHardLimitPercent")?.Value;
        if (memory?.Limits?["memory"].ToString() != memory?.Requests?["memory"].ToString()
            || !int.TryParse(heap, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var share) || share > target - 15)
        {
            yield return new("memory", $"{name} scales by memory: its request must be its limit and its heap at most {target - 15} % of it, or it never scales down");
        }
    }

    private static IEnumerable<Finding> Scaler(ManifestSet set, ScaledObject item, bool least)
    {
        var name = item.Spec.ScaleTargetRef.Name;
        if (item.Spec.MaxReplicaCount != Specification.Number($"{name}/maxReplicaCount")
            || !(item.Spec.MinReplicaCount == Specification.Number($"{name}/minReplicaCount") || (least && item.Spec.MinReplicaCount == 1)))
        {
            yield return new("numbers", $"{name} runs {item.Spec.MinReplicaCount} to {item.Spec.MaxReplicaCount} pods, not the specification's");
        }

        if (name == "orchestrator" && item.Spec.Advanced?.HorizontalPodAutoscalerConfig?.Behavior?.ScaleUp is var up
            && (up?.StabilizationWindowSeconds != Specification.Number("orchestrator/scaleUp/stabilizationWindowSeconds")
                || up.Policies is not [{ } policy]
                || policy.Type != Specification.Text("orchestrator/scaleUp/policies/0/type")
                || policy.Value != Specification.Number("orchestrator/scaleUp/policies/0/value")
                || policy.PeriodSeconds != Specification.Number("orchestrator/scaleUp/policies/0/periodSeconds")))
        {
            yield return new("numbers", "orchestrator does not scale up as the specification says");
        }

        if (item.Spec.Fallback is not { FailureThreshold: > 0 } fallback || fallback.Replicas < Specification.Number($"{name}/minReplicaCount") || fallback.Replicas > item.Spec.MaxReplicaCount)
            yield return new("keda", $"{name} has no number of pods for when nobody answers how much waits");
        foreach (var trigger in item.Spec.Triggers)
        {
            foreach (var finding in Trigger(set, name, trigger))
                yield return finding;
        }

        var consumers = name == "orchestrator" ? Runs : Documents;
        var read = item.Spec.Triggers.Select(trigger => (trigger.Metadata.GetValueOrDefault("stream") ?? "", trigger.Metadata.GetValueOrDefault("consumer") ?? ""));
        if (!read.Order().SequenceEqual(consumers.Order()))
            yield return new("names", $"{name} scales by {string.Join(", ", read)}; its work waits in {string.Join(", ", consumers)}");
    }

    private static IEnumerable<Finding> Trigger(ManifestSet set, string name, ScaledObject.TriggerType trigger)
    {
        if (trigger.Type != "nats-jetstream")
            yield return new("keda", $"{name}: KEDA has no scaler '{trigger.Type}'; it is nats-jetstream");
        foreach (var key in trigger.Metadata.Keys.Except(JetStreamKeys))
            yield return new("keda", $"{name}: nats-jetstream does not know '{key}'");
        foreach (var key in new[] { "natsServerMonitoringEndpoint", "account", "stream", "consumer" }.Except(trigger.Metadata.Keys))
            yield return new("keda", $"{name}: nats-jetstream needs '{key}'");
        if (trigger.Metadata.GetValueOrDefault("lagThreshold") != Specification.Text($"{name}/triggers/0/metadata/queueLength"))
            yield return new("numbers", $"{name}: lagThreshold is not the specification's queueLength");

        var endpoint = Endpoint().Match(trigger.Metadata.GetValueOrDefault("natsServerMonitoringEndpoint", ""));
        var service = set.Of<V1Service>().FirstOrDefault(item => item.Metadata.Name == endpoint.Groups[1].Value);
        // In production the Service comes with the chart of NATS.
        if (!endpoint.Success || endpoint.Groups[1].Value != PlatformGraph.Nats
            || (service is not null && !service.Spec.Ports.Any(port => port.Port.ToString(CultureInfo.InvariantCulture) == endpoint.Groups[2].Value))
            || !PlatformGraph.Calls.Any(call => call.From == PlatformGraph.Autoscaler && call.Port.ToString(CultureInfo.InvariantCulture) == endpoint.Groups[2].Value))
        {
            yield return new("keda", $"{name}: '{trigger.Metadata.GetValueOrDefault("natsServerMonitoringEndpoint")}' is not the host and port, without a scheme, where NATS is watched");
        }
    }

    private static string Describe(V2MetricSpec metric) => metric.Type == "Resource"
        ? $"{metric.Resource.Name} {metric.Resource.Target.Type} {metric.Resource.Target.AverageUtilization}"
        : $"{metric.Pods?.Metric.Name} {metric.Pods?.Target.Type} {metric.Pods?.Target.AverageValue}";

    private static string Specified(string path) => Specification.Text($"{path}/type") == "Resource"
        ? $"{Specification.Text($"{path}/resource/name")} {Specification.Text($"{path}/resource/target/type")} {Specification.Text($"{path}/resource/target/averageUtilization")}"
        : $"{Specification.Text($"{path}/pods/metric/name")} {Specification.Text($"{path}/pods/target/type")} {Specification.Text($"{path}/pods/target/averageValue")}";

    [GeneratedRegex(@"^([a-z][-a-z0-9]*)\.topology\.svc\.cluster\.local:(\d+)$")]
    private static partial Regex Endpoint();
}
