using System.Text.RegularExpressions;
using NATS.Client.JetStream;
using Topology.Samples.Tests.Platform;
using Topology.TestKit;

namespace Topology.Samples.Tests.Deploy;

/// <summary>What manifests and alerts name, looked for in the running services.</summary>
[Collection(PlatformCollection.Name)]
public sealed partial class RunningPlatformTests(PlatformFixture platform)
{
    // What a service shows without anything having gone wrong. The rest of the instruments count faults.
    private static readonly string[] Always =
    [
        "queue_depth", "active_connections", "ws_active_connections", "cpu_utilization", "memory_utilization", "router_decision_latency_ms_bucket",
        "topology_dlq_oldest_age_seconds", "topology_dlq_since_pull_seconds", "topology_health_status", "topology_health_check_age_seconds",
        "topology_health_transitions_total", "topology_saga_settled_total", "topology_saga_active", "retry_duration_seconds_count",
    ];

    [Fact]
    public async Task Running_services_export_what_autoscalers_alerts_and_the_dashboard_read_under_those_names_and_labels()
    {
        var token = TestContext.Current.CancellationToken;
        var run = await platform.PostRunAsync(Guid.NewGuid().ToString("N"), "metrics", token);
        await platform.WaitForRunAsync(run, state => state.IsFinal, token);
        ServiceProcess[] services = [platform.Gateway, platform.Orchestrator, platform.Router, platform.Realtime, platform.Ingestion];
        var series = new Dictionary<string, HashSet<string>>();

        await Until.Value(
            async () =>
            {
                foreach (var service in services)
                    Read(await service.Http.GetStringAsync("/metrics", token), series);
                return string.Join(", ", Always.Where(name => !series.ContainsKey(name)));
            },
            missing => missing.Length == 0,
            TimeSpan.FromSeconds(60),
            token);

        // The names read from the code are the ones that are written.
        Assert.Empty(series.Keys.Where(name => Ours().IsMatch(name)).Except(ExportedMetrics.Own));
        var unlabelled =
            from rule in Rendered.Set(Rendered.Prod).Of<PrometheusRule>().Single().Spec.Groups.SelectMany(part => part.Rules)
            from metric in ExportedMetrics.In(rule.Expr)
            where series.ContainsKey(metric)
            from label in LabelsOf(rule.Expr, metric)
            where !series[metric].Contains(label)
            select $"{rule.Alert}: {metric} has no label {label}, only {string.Join(", ", series[metric])}";
        Assert.Empty(unlabelled);
    }

    [Fact]
    public async Task The_consumers_that_KEDA_reads_are_those_that_the_services_made()
    {
        var token = TestContext.Current.CancellationToken;
        var context = new NatsJSContext(platform.Connection);
        foreach (var trigger in Rendered.Set(Rendered.Prod).Of<ScaledObject>().SelectMany(item => item.Spec.Triggers))
        {
            var consumer = await context.GetConsumerAsync(trigger.Metadata["stream"], trigger.Metadata["consumer"], token);
            Assert.Equal(trigger.Metadata["consumer"], consumer.Info.Name);
        }
    }

    private static void Read(string text, Dictionary<string, HashSet<string>> series)
    {
        foreach (Match sample in Sample().Matches(text))
        {
            if (!series.TryGetValue(sample.Groups[1].Value, out var labels))
                series[sample.Groups[1].Value] = labels = [];
            labels.UnionWith(Label().Matches(sample.Groups[2].Value).Select(label => label.Groups[1].Value));
        }
    }

    // What an expression groups by, and what it selects of this metric. Prometheus adds the pod itself.
    private static IEnumerable<string> LabelsOf(string expression, string metric) => By().Matches(expression)
        .SelectMany(match => match.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries))
        .Concat(Regex.Matches(expression, metric + @"\{([^}]*)\}").SelectMany(match => Label().Matches(match.Groups[1].Value).Select(label => label.Groups[1].Value)))
        .Distinct()
        .Where(label => label is not ("pod" or "namespace"));

    [GeneratedRegex(@"^([a-z_]+)\{([^}]*)\} ", RegexOptions.Multiline)]
    private static partial Regex Sample();

    [GeneratedRegex("([a-z_]+)(?:=~?|!=)\"")]
    private static partial Regex Label();

    [GeneratedRegex(@"by \(([^)]*)\)")]
    private static partial Regex By();

    // Not those of ASP.NET Core, the runtime and the exporter itself.
    [GeneratedRegex("^(topology|retry|dlq|saga|idempotency|queue|router|ws|active|cpu|memory)_")]
    private static partial Regex Ours();
}
