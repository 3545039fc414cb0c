using k8s.Models;

namespace Topology.Samples.Tests.Deploy.Rules;

/// <summary>What selects what, and what refers to what.</summary>
internal static class WorkloadRules
{
    // Made by hand or by another controller before or after these manifests.
    private static readonly string[] MadeElsewhere = ["Secret/topology-connections"];

    public static IEnumerable<Finding> Check(ManifestSet set) =>
        [.. Identities(set), .. Selectors(set), .. Services(set), .. Disruption(set), .. References(set), .. Namespaces(set)];

    public static bool Selects(V1LabelSelector? selector, IDictionary<string, string> labels) =>
        selector is not null
        && (selector.MatchLabels ?? new Dictionary<string, string>()).All(wanted => labels.TryGetValue(wanted.Key, out var value) && value == wanted.Value)
        && (selector.MatchExpressions ?? []).All(wanted => (wanted.OperatorProperty, labels.TryGetValue(wanted.Key, out var value)) switch
        {
            ("In", true) => wanted.Values.Contains(value!),
            ("NotIn", true) => !wanted.Values.Contains(value!),
            ("NotIn" or "DoesNotExist", false) or ("Exists", true) => true,
            _ => false,
        });

    private static IEnumerable<Finding> Identities(ManifestSet set) => set.Names
        .GroupBy(item => (item.Kind, item.Metadata.Name, item.Metadata.NamespaceProperty))
        .Where(group => group.Count() > 1)
        .Select(group => new Finding("identity", $"{group.Key.Kind}/{group.Key.Name} is there {group.Count()} times"));

    private static IEnumerable<Finding> Namespaces(ManifestSet set) => set.Names
        .Where(item => item.Kind != "Namespace" && item.Metadata.NamespaceProperty is not (ManifestSet.Namespace or "monitoring"))
        .Select(item => new Finding("namespace", $"{item.Kind}/{item.Metadata.Name} is in '{item.Metadata.NamespaceProperty}'"));

    private static IEnumerable<Finding> Selectors(ManifestSet set)
    {
        foreach (var workload in set.Workloads)
        {
            if (!Selects(workload.Selector, workload.Labels))
                yield return new("selector", $"{workload.Name} does not select its own pods");
            // A selector that takes in others' pods lets an autoscaler average over them.
            foreach (var other in set.Workloads.Where(other => other.Name != workload.Name && Selects(workload.Selector, other.Labels)))
                yield return new("selector", $"{workload.Name} selects the pods of {other.Name}");
        }
    }

    private static IEnumerable<Finding> Services(ManifestSet set)
    {
        foreach (var service in set.Of<V1Service>())
        {
            var selected = set.Workloads.Where(workload => Selects(new() { MatchLabels = service.Spec.Selector }, workload.Labels)).ToList();
            if (selected.Count != 1)
            {
                yield return new("service", $"Service {service.Metadata.Name} selects {selected.Count} workloads");
                continue;
            }

            foreach (var port in service.Spec.Ports.Where(port => selected[0].Port(port.TargetPort?.Value ?? $"{port.Port}") is null))
                yield return new("service", $"Service {service.Metadata.Name} leads to the port {port.TargetPort?.Value ?? $"{port.Port}"}, which {selected[0].Name} has not");
            if (service.Spec.SessionAffinity == "ClientIP")
                yield return new("service", $"Service {service.Metadata.Name} binds by client address, which behind a proxy is the proxy's");
            if (service.Spec.Type is "LoadBalancer" or "NodePort")
                yield return new("service", $"Service {service.Metadata.Name} is open to the outside");
        }
    }

    private static IEnumerable<Finding> Disruption(ManifestSet set)
    {
        var budgets = set.Of<V1PodDisruptionBudget>().ToList();
        foreach (var budget in budgets)
        {
            if (set.Workloads.Count(workload => Selects(budget.Spec.Selector, workload.Labels)) != 1)
                yield return new("disruption", $"PodDisruptionBudget {budget.Metadata.Name} does not select one workload");
            if (budget.Spec.MaxUnavailable?.Value != "1")
                yield return new("disruption", $"PodDisruptionBudget {budget.Metadata.Name} must allow one pod to go: none blocks every node's maintenance, more is an outage of small services");
        }

        foreach (var workload in set.Deployments.Where(item => !budgets.Any(budget => Selects(budget.Spec.Selector, item.Spec.Template.Metadata.Labels))))
            yield return new("disruption", $"{workload.Metadata.Name} has no PodDisruptionBudget");
    }

    private static IEnumerable<Finding> References(ManifestSet set)
    {
        var there = set.Names.Select(item => $"{item.Kind}/{item.Metadata.Name}").Concat(MadeElsewhere).ToHashSet();
        return
            from workload in set.Workloads
            from name in Wanted(workload)
            where !there.Contains(name)
            select new Finding("reference", $"{workload.Name} wants {name}, which is not there");
    }

    private static IEnumerable<string> Wanted(Workload workload)
    {
        if (workload.Pod.ServiceAccountName is { } account)
            yield return $"ServiceAccount/{account}";
        foreach (var volume in workload.Pod.Volumes ?? [])
        {
            if (volume.ConfigMap is { } map)
                yield return $"ConfigMap/{map.Name}";
            if (volume.Secret is { } secret)
                yield return $"Secret/{secret.SecretName}";
        }

        foreach (var container in workload.Pod.Containers)
        {
            foreach (var source in container.EnvFrom ?? [])
                yield return source.ConfigMapRef is { } map ? $"ConfigMap/{map.Name}" : $"Secret/{source.SecretRef.Name}";
            foreach (var value in (container.Env ?? []).Select(item => item.ValueFrom).Where(value => value is not null))
            {
                if (value.SecretKeyRef is { } secret)
                    yield return $"Secret/{secret.Name}";
                if (value.ConfigMapKeyRef is { } map)
                    yield return $"ConfigMap/{map.Name}";
            }
        }
    }
}
