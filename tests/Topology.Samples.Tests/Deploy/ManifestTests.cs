namespace Topology.Samples.Tests.Deploy;

public sealed class ManifestTests
{
    public static TheoryData<string> Overlays => Rendered.All;

    [Theory]
    [MemberData(nameof(Overlays))]
    public void Every_object_is_read_strictly_as_its_type(string overlay)
    {
        var set = Rendered.Set(overlay);
        Assert.Empty(set.Unreadable);
        Assert.InRange(set.Names.Count(), 40, 100);
    }

    // One run for good and faulty files: starting the compiler is what takes the time.
    [Fact]
    public void A_second_validator_finds_faults_in_a_faulty_file_only()
    {
        var faulty = Path.Combine(Path.GetDirectoryName(Rendered.File(Rendered.Prod))!, "faulty.yaml");
        File.WriteAllText(faulty, Rendered.Text(Rendered.Prod)
            .Replace("lagThreshold: \"5\"", "lagThreshold: 5", StringComparison.Ordinal)
            .Replace("scrapeTimeout: 10s", "scrape_timeout: 10s", StringComparison.Ordinal)
            .Replace("gatewayClassName:", "gatewayClass:", StringComparison.Ordinal));

        var (exitCode, output, errors) = EngTool.RunScript("manifests.sh", [.. Rendered.All.Select(row => Rendered.File(row.Data)), faulty]);

        Assert.True(exitCode == 1, output + errors);
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains(lines, line => line.StartsWith("faulty.yaml: ScaledObject/ingestion: ", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("faulty.yaml: PodMonitor/topology: ", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("faulty.yaml: Gateway/topology: ", StringComparison.Ordinal));
        Assert.All(lines[..^1], line => Assert.StartsWith("faulty.yaml: ", line, StringComparison.Ordinal));
    }
}
