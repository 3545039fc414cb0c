using System.Globalization;
using System.Text.RegularExpressions;
using YamlDotNet.RepresentationModel;

namespace Topology.Samples.Tests.Deploy;

/// <summary>The numbers of the specification, read from its own text.</summary>
internal static partial class Specification
{
    private static readonly Dictionary<string, YamlNode> Blocks = Read();

    /// <summary>Returns the value at a path such as <c>orchestrator/triggers/0/metadata/queueLength</c>.</summary>
    public static string Text(string path) => ((YamlScalarNode)At(path)).Value!;

    public static int Number(string path) => int.Parse(Text(path), CultureInfo.InvariantCulture);

    /// <summary>Returns a number of seconds, written as in <c>3600s</c>.</summary>
    public static int Seconds(string path) => int.Parse(Text(path).TrimEnd('s'), CultureInfo.InvariantCulture);

    public static YamlNode At(string path)
    {
        var parts = path.Split('/');
        return parts.Skip(1).Aggregate(Blocks[parts[0]], (node, part) => node is YamlSequenceNode list
            ? list[int.Parse(part, CultureInfo.InvariantCulture)]
            : node[part]);
    }

    private static Dictionary<string, YamlNode> Read()
    {
        using var stream = typeof(Specification).Assembly.GetManifestResourceStream("runtime-topology.md")!;
        using var reader = new StreamReader(stream);
        var blocks = new Dictionary<string, YamlNode>();
        foreach (Match fence in Fence().Matches(reader.ReadToEnd()))
        {
            var yaml = new YamlStream();
            using var text = new StringReader(fence.Groups[1].Value);
            yaml.Load(text);
            foreach (var (key, value) in ((YamlMappingNode)yaml.Documents[0].RootNode).Children)
                blocks.Add(((YamlScalarNode)key).Value!, value);
        }

        return blocks;
    }

    [GeneratedRegex("```yaml\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Fence();
}
