using Microsoft.Extensions.Configuration;
using Topology.Resilience.Internal.Configuration;

namespace Topology.Resilience.Tests.Configuration;

/// <summary>The fenced blocks of a Markdown file, and the place of everything.</summary>
public sealed class YamlTextTests
{
    [Theory]
    [InlineData("```yaml\na: 1\n```")]
    [InlineData("```yml\na: 1\n```")]
    [InlineData("```YAML\na: 1\n```")]
    [InlineData("``` yaml\na: 1\n```")]
    [InlineData("```yaml title=\"a.yaml\"\na: 1\n```")]
    [InlineData("```yaml{1-3}\na: 1\n```")]
    [InlineData("```{.yaml}\na: 1\n```")]
    [InlineData("~~~yaml\na: 1\n~~~")]
    [InlineData("````yaml\na: 1\n````")]
    [InlineData("```yaml\r\na: 1\r\n```\r\n")]
    [InlineData("```yaml\na: 1\n``` ")]
    [InlineData("```yaml\na: 1\n`````")]
    [InlineData("1. In a list:\n   ```yaml\n   a: 1\n   ```\n   and on")]
    [InlineData("```yaml\na: 1")]
    [InlineData("text\n\n```python\nx: [\n```\n```yaml\na: 1\n```\nmore: [\n")]
    [InlineData("~~~text\n```yaml\nb: 2\n```\n~~~\n```yaml\na: 1\n```")]
    [InlineData("````text\n```yaml\nb: 2\n```\n````\n```yaml\na: 1\n```")]
    [InlineData("```python\n```yaml\nb: 2\n```\n```yaml\na: 1\n```")]
    [InlineData("Say ```yaml b``` inline.\n\n```yaml\na: 1\n```")]
    public void A_block_that_says_yaml_is_read_where_it_stands(string markdown)
    {
        string[] lines = markdown.Split('\n');
        int at = Array.FindIndex(lines, l => l.TrimStart().StartsWith("a:", StringComparison.Ordinal));
        RawEntry entry = Assert.Single(YamlTree.Read(YamlText.FromMarkdown(markdown), "x.md").Documents.SelectMany(d => d.Children));
        Assert.Equal(("a", "1"), (entry.Key, entry.Node.Value));
        Assert.Equal((at + 1, lines[at].IndexOf('a', StringComparison.Ordinal) + 1), (entry.KeyOrigin.Line, entry.KeyOrigin.Column));
        Assert.Equal((at + 1, lines[at].IndexOf('1', StringComparison.Ordinal) + 1), (entry.Node.Origin.Line, entry.Node.Origin.Column));
    }

    [Fact]
    public void Each_block_is_a_document()
    {
        using var files = new TestFiles();
        files.Write("```yaml\nretry_config:\n  default:\n    max_attempts: 4\n```\ntext\n```yaml\nretry_config:\n  default:\n    max_attempts: 0\n```\n", "topology.md");
        using var configuration = new ConfigurationManager();
        configuration.SetBasePath(files.Root);
        configuration.AddTopologyYaml("topology.md", reloadOnChange: false);
        Assert.Equal(
            ["topology.md(10,19): warning TOPO1010: retry_config.default.max_attempts is set again; the value at line 4 is not used", "topology.md(10,19): error TOPO1001: retry_config.default.max_attempts must be 1..100 (was 0)"],
            SettingsReader.Read(configuration).Diagnostics.Select(d => d.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("# Title\n\nText.\n")]
    [InlineData("```python\na: 1\n```\n")]
    [InlineData("```\na: 1\n```\n")]
    [InlineData("```yamllint\na: 1\n```\n")]
    [InlineData("> ```yaml\n> a: 1\n> ```\n")]
    public void A_document_without_such_a_block_is_refused(string markdown)
    {
        using var files = new TestFiles();
        files.Write(markdown, "topology.md");
        using var configuration = new ConfigurationManager();
        configuration.SetBasePath(files.Root);
        Assert.Equal(
            "topology.md(1,1): error TOPO1539: the Markdown file has no fenced block that begins with ```yaml",
            Assert.Throws<TopologyConfigurationException>(() => configuration.AddTopologyYaml("topology.md", reloadOnChange: false)).Message);
    }

    [Fact]
    public void Every_key_and_value_of_the_specification_is_known_by_the_place_it_has_there()
    {
        string[] lines = File.ReadAllText(TestFiles.SpecPath).Split('\n');
        int seen = 0;
        foreach (RawSetting document in YamlTree.Read(TestFiles.SpecYaml, "spec").Documents)
        {
            Walk(document);
        }

        Assert.True(seen > 300, $"{seen}");

        void Walk(RawSetting node)
        {
            foreach (RawEntry entry in node.Children)
            {
                seen++;
                if (node.Kind == RawKind.Mapping)
                {
                    Assert.StartsWith(entry.Key, TextAt(entry.KeyOrigin), StringComparison.Ordinal);
                }

                if (entry.Node.Kind == RawKind.Scalar && entry.Node.Value is { } value)
                {
                    Assert.StartsWith(value, TextAt(entry.Node.Origin).TrimStart('"'), StringComparison.Ordinal);
                }

                Walk(entry.Node);
            }
        }

        string TextAt(SettingOrigin origin) => lines[origin.Line - 1][(origin.Column - 1)..];
    }
}
