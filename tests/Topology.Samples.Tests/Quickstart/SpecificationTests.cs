using System.Text.RegularExpressions;

namespace Topology.Samples.Tests.Quickstart;

public sealed partial class SpecificationTests
{
    [Theory]
    [InlineData("retry_config")]
    [InlineData("dlq_config")]
    [InlineData("idempotency")]
    [InlineData("saga_compensations")]
    [InlineData("readiness_probes")]
    [InlineData("liveness_probes")]
    [InlineData("metrics")]
    public void The_block_stands_word_for_word_as_in_the_specification(string block)
    {
        using var stream = typeof(SpecificationTests).Assembly.GetManifestResourceStream("runtime-topology.md")!;
        using var reader = new StreamReader(stream);
        var fenced = YamlFence().Matches(reader.ReadToEnd()).Select(match => match.Groups[1].Value.TrimEnd()).Single(text => text.StartsWith($"{block}:", StringComparison.Ordinal));

        Assert.Contains($"\n{fenced}\n", Settings.Original, StringComparison.Ordinal);
    }

    [GeneratedRegex("```yaml\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex YamlFence();
}
