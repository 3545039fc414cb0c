using System.Text.Json;
using System.Text.RegularExpressions;
using k8s.Models;
using Platform.ServiceDefaults;

namespace Topology.Samples.Tests.Deploy.Rules;

/// <summary>What is watched is there to be watched.</summary>
internal static partial class MonitoringRules
{
    public static IEnumerable<Finding> Check(ManifestSet set) => [.. Monitors(set), .. Alerts(set), .. Adapter(set), .. Dashboard(set)];

    private static IEnumerable<Finding> Monitors(ManifestSet set)
    {
        var scraped = new List<string>();
        foreach (var monitor in set.Of<PodMonitor>())
        {
            var selected = set.Workloads.Where(workload => WorkloadRules.Selects(monitor.Spec.Selector, workload.Labels)).ToList();
            scraped.AddRange(selected.Select(workload => workload.Name));
            foreach (var endpoint in monitor.Spec.PodMetricsEndpoints)
            {
                if (endpoint.Path != PlatformNames.MetricsPath)
                    yield return new("monitor", $"{monitor.Metadata.Name} reads {endpoint.Path}, not {PlatformNames.MetricsPath}");
                foreach (var workload in selected.Where(workload => workload.Port(endpoint.Port)?.ContainerPort != PlatformNames.ManagementPort))
                    yield return new("monitor", $"{monitor.Metadata.Name} reads the port {endpoint.Port} of {workload.Name}, which has no metrics there");
            }
        }

        if (!scraped.Order().SequenceEqual(PlatformGraph.Services.Order()))
            yield return new("monitor", $"metrics are read of {string.Join(", ", scraped)}");
        foreach (var service in set.Of<V1Service>().Where(item => item.Spec.Ports.Any(port => port.Port == PlatformNames.ManagementPort || port.TargetPort?.Value == "mgmt")))
            yield return new("monitor", $"Service {service.Metadata.Name} offers the management port, which is for operators");
    }

    private static IEnumerable<Finding> Alerts(ManifestSet set)
    {
        foreach (var rule in set.Of<PrometheusRule>().SelectMany(item => item.Spec.Groups).SelectMany(group => group.Rules))
        {
            foreach (var metric in ExportedMetrics.In(rule.Expr).Where(metric => !ExportedMetrics.Knows(metric)))
                yield return new("metrics", $"{rule.Alert} reads {metric}, which nobody exports");
            if (rule.Labels.GetValueOrDefault("severity") is not ("warning" or "critical"))
                yield return new("alerts", $"{rule.Alert} does not say how severe it is");
            if (!rule.Annotations.ContainsKey("summary") || rule.Annotations.GetValueOrDefault("runbook") != $"docs/operations.md#{rule.Alert.ToLowerInvariant()}")
                yield return new("alerts", $"{rule.Alert} does not say what happened and where to read on");
            if (SumOfDepths().IsMatch(rule.Expr))
                yield return new("alerts", $"{rule.Alert} adds up what several pods say about one queue");
        }
    }

    private static IEnumerable<Finding> Adapter(ManifestSet set)
    {
        var text = set.Of<V1ConfigMap>().FirstOrDefault(map => map.Metadata.Name == "topology-adapter-rules")?.Data?["config.yaml"] ?? "";
        var offered = Offered().Matches(text).Select(match => match.Groups[1].Value).ToHashSet();
        foreach (var metric in set.Of<V2HorizontalPodAutoscaler>().SelectMany(item => item.Spec.Metrics).Where(metric => metric.Type == "Pods").Select(metric => metric.Pods.Metric.Name).Where(name => !offered.Contains(name)))
            yield return new("metrics", $"an autoscaler asks for {metric}, which the adapter does not offer");
        foreach (var metric in Series().Matches(text).Select(match => match.Groups[1].Value).Where(name => !ExportedMetrics.Own.Contains(name)))
            yield return new("metrics", $"the adapter reads {metric}, which no service exports");
    }

    private static IEnumerable<Finding> Dashboard(ManifestSet set)
    {
        var map = set.Of<V1ConfigMap>().FirstOrDefault(map => map.Metadata.Labels?.ContainsKey("grafana_dashboard") == true);
        if (map is null)
        {
            yield return new("dashboard", "there is none");
            yield break;
        }

        using var dashboard = JsonDocument.Parse(map.Data.Values.Single());
        var read = dashboard.RootElement.GetProperty("panels").EnumerateArray()
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray())
            .SelectMany(target => ExportedMetrics.In(target.GetProperty("expr").GetString()!))
            .ToHashSet();
        foreach (var metric in read.Where(name => !ExportedMetrics.Own.Contains(name)))
            yield return new("metrics", $"the dashboard shows {metric}, which no service exports");
        foreach (var kind in new[] { "autoscaling", "reliability" })
        {
            foreach (var metric in ((YamlDotNet.RepresentationModel.YamlSequenceNode)Specification.At($"metrics/{kind}")).Select(node => node["name"].ToString()).Where(name => !read.Contains(name)))
                yield return new("dashboard", $"{metric} of the specification is not shown");
        }
    }

    [GeneratedRegex(@"sum[^(]*(\([a-z, ]*\))?\s*\(\s*(queue_depth|topology_dlq_oldest_age_seconds)")]
    private static partial Regex SumOfDepths();

    [GeneratedRegex(@"^\s+as: ""?([a-z_]+)""?$", RegexOptions.Multiline)]
    private static partial Regex Offered();

    [GeneratedRegex(@"seriesQuery: '?([a-zA-Z_:]+)\{")]
    private static partial Regex Series();
}
