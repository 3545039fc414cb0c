using k8s;
using YamlDotNet.RepresentationModel;

namespace Topology.Samples.Tests.Deploy;

/// <summary>The alerts, evaluated by Prometheus's own tool over series made for them.</summary>
public sealed class AlertTests
{
    private static readonly string TestFile = Path.Combine(EngTool.Root, "tests/Topology.Samples.Tests/Deploy/alerts.test.yaml");

    [Fact]
    public void Every_alert_fires_when_it_should_and_is_silent_when_not()
    {
        using var folder = new RuleFolder();
        var (exitCode, output, errors) = EngTool.Run(EngTool.Promtool.Value, "test", "rules", folder.TestFile);
        Assert.True(exitCode == 0, output + errors);
    }

    [Fact]
    public void The_rules_are_read_without_a_complaint()
    {
        using var folder = new RuleFolder();
        var (exitCode, output, errors) = EngTool.Run(EngTool.Promtool.Value, "check", "rules", "--lint-fatal", folder.RuleFile);
        Assert.True(exitCode == 0, output + errors);
    }

    [Fact]
    public void No_alert_is_left_out_of_the_test_nor_one_of_its_two_sides()
    {
        var cases = Cases().ToLookup(item => item.Alert, item => item.Fires);
        Assert.All(Alerts(), alert => Assert.Equal([false, true], cases[alert].Distinct().Order()));
        Assert.Empty(cases.Select(item => item.Key).Except(Alerts()));
    }

    [Fact]
    public void Every_alert_has_a_section_of_what_to_do()
    {
        var sections = File.ReadAllLines(Path.Combine(EngTool.Root, "docs/operations.md")).Where(line => line.StartsWith("### ", StringComparison.Ordinal)).Select(line => line[4..].Trim()).ToList();
        Assert.Equal(Alerts().Order(), sections.Order());
    }

    [Theory]
    [InlineData(0, "agent.run.dlq")]
    [InlineData(1, "tool.call.dlq")]
    [InlineData(2, "workflow.compensation.dlq")]
    public void Letters_are_told_of_when_three_quarters_of_their_time_are_over(int stream, string queue)
    {
        Assert.Equal(queue, Specification.Text($"dlq_config/streams/{stream}/name"));
        var days = int.Parse(Specification.Text($"dlq_config/streams/{stream}/max_age").TrimEnd('d'), System.Globalization.CultureInfo.InvariantCulture);
        var rule = Rules().Single(rule => rule.Alert == "DeadLettersExpiring");
        Assert.Contains($$"""topology_dlq_oldest_age_seconds{queue="{{queue}}"}) > {{TimeSpan.FromDays(days).TotalSeconds * 0.75}}""", rule.Expr, StringComparison.Ordinal);
    }

    private static IEnumerable<PrometheusRule.RuleType> Rules() => Rendered.Set(Rendered.Prod).Of<PrometheusRule>().Single().Spec.Groups.SelectMany(group => group.Rules);

    private static IEnumerable<string> Alerts() => Rules().Select(rule => rule.Alert);

    private static IEnumerable<(string Alert, bool Fires)> Cases()
    {
        var yaml = new YamlStream();
        using var text = new StreamReader(TestFile);
        yaml.Load(text);
        return from test in (YamlSequenceNode)yaml.Documents[0].RootNode["tests"]
               from item in (YamlSequenceNode)test["alert_rule_test"]
               select (item["alertname"].ToString(), ((YamlSequenceNode)item["exp_alerts"]).Children.Count > 0);
    }

    /// <summary>The rules as Prometheus reads them, cut from the rendered manifest, beside their test.</summary>
    private sealed class RuleFolder : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("alerts-");

        public RuleFolder()
        {
            File.WriteAllText(RuleFile, KubernetesYaml.Serialize(Rendered.Set(Rendered.Prod).Of<PrometheusRule>().Single().Spec));
            File.Copy(AlertTests.TestFile, TestFile);
        }

        public string RuleFile => Path.Combine(_folder.FullName, "alerts.yaml");

        public string TestFile => Path.Combine(_folder.FullName, "alerts.test.yaml");

        public void Dispose() => _folder.Delete(recursive: true);
    }
}
