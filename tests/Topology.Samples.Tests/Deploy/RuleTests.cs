using Topology.Samples.Tests.Deploy.Rules;

namespace Topology.Samples.Tests.Deploy;

public sealed class RuleTests
{
    public static TheoryData<string> Overlays => Rendered.All;

    [Theory]
    [MemberData(nameof(Overlays))]
    public void No_rule_finds_a_fault(string overlay)
    {
        var findings = ManifestRules.Check(Rendered.Set(overlay));
        Assert.True(findings.Count == 0, string.Join('\n', findings));
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public void What_may_be_reached_is_what_the_platform_declares(string overlay)
    {
        var reachability = new Reachability(Rendered.Set(overlay));
        Assert.Equal(reachability.Declared().Order(), reachability.Allowed().Order());
    }

    [Fact]
    public void The_instruments_of_the_specification_are_read_from_the_code()
    {
        foreach (var name in new[] { "retry_total", "idempotency_hits_total", "saga_compensations_total", "dlq_messages_total", "queue_depth", "retry_duration_seconds_count", "topology_dlq_oldest_age_seconds", "retry_budget_level_ratio" })
            Assert.Contains(name, ExportedMetrics.Own);
    }

    [Fact]
    public void An_expression_is_read_for_its_metrics_alone() => Assert.Equal(
        ["a_total", "b_bucket"],
        ExportedMetrics.In("""sum by (x, y) (increase(a_total{q="z_total"}[15m])) > 0 or histogram_quantile(0.95, b_bucket unless b_bucket offset 15m) * on (z) 3"""));

    // The images name their versions, so nothing can be deployed that was not built from this tree's.
    [Fact]
    public void The_images_carry_the_version_of_the_repository()
    {
        var version = System.Xml.Linq.XDocument.Load(Path.Combine(EngTool.Root, "Directory.Build.props")).Descendants("VersionPrefix").Single().Value;
        Assert.All(Rendered.Set(Rendered.Prod).Deployments, item => Assert.Equal($"topology/{item.Metadata.Name}:{version}", item.Spec.Template.Spec.Containers[0].Image));
    }
}
