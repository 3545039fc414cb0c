using System.Text.RegularExpressions;
using Topology.Dlq;
using Platform.ServiceDefaults;

namespace Topology.Samples.Tests.Platform;

public sealed partial class SpecificationTests
{
    [Fact]
    public void All_blocks_of_the_specification_stand_in_the_file_word_for_word()
    {
        using var stream = typeof(SpecificationTests).Assembly.GetManifestResourceStream("runtime-topology.md")!;
        using var reader = new StreamReader(stream);
        var blocks = YamlFence().Matches(reader.ReadToEnd()).Select(match => match.Groups[1].Value.TrimEnd()).ToArray();
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        var file = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "..", "..", "Orchestrator", configuration, "topology.yaml"));
        Assert.Equal(12, blocks.Length);
        Assert.All(blocks, block => Assert.Contains($"\n{block}\n", file, StringComparison.Ordinal));
    }

    [Fact]
    public void Names_are_made_by_the_one_rule_and_the_graph_names_services_only()
    {
        Assert.Equal("AGENT_RUN_REQUESTED", PlatformNames.RunStream);
        Assert.Equal("RUN_STATE", PlatformNames.RunStateStream);
        Assert.Equal("INGEST_DOCUMENT_REQUESTED", PlatformNames.IngestStream);
        Assert.Equal(DeadLetterQueueNames.ToPhysical(PlatformNames.IngestRequested), StreamPlan.Documents.Config.Name);
        string[] outside = [PlatformGraph.Client, PlatformGraph.Nats, PlatformGraph.Redis, PlatformGraph.Prometheus, PlatformGraph.Telemetry, PlatformGraph.Autoscaler];
        Assert.All(PlatformGraph.Calls, call => Assert.True(PlatformGraph.Services.Contains(call.To) || outside.Contains(call.To), call.ToString()));
        Assert.Distinct(PlatformGraph.Calls);
    }

    [GeneratedRegex("```yaml\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex YamlFence();
}
