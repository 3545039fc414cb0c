using System.Globalization;
using System.Reflection;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Topology.Resilience.Internal.Configuration;

namespace Topology.Resilience.Tests.Configuration;

/// <summary>
/// The written documents equal the schema table. After a change of the table run with <c>TOPOLOGY_UPDATE_DOCS=1</c>, which writes them.
/// </summary>
public sealed partial class DocumentTests
{
    private static readonly bool s_update = Environment.GetEnvironmentVariable("TOPOLOGY_UPDATE_DOCS") == "1";

    private static string Docs { get; } = Path.Combine(FindRoot(AppContext.BaseDirectory), "docs");

    [Fact]
    public void The_json_schema_is_the_tables() => Same(Path.Combine(Docs, "topology.schema.json"), _ => SchemaDocuments.JsonSchema());

    [Fact]
    public void The_tables_of_the_configuration_page_are_the_tables() => Same(
        Path.Combine(Docs, "configuration.md"),
        page => Block().Replace(page, match =>
        {
            string name = match.Groups["name"].Value;
            string table = name == "profiles" ? SchemaDocuments.Profiles() : SchemaDocuments.Table(TopologySchema.Groups.Single(g => g.Path == name));
            return $"<!-- table {name} -->\n{table}<!-- end -->";
        }));

    [Fact]
    public void Every_group_has_its_table_on_the_page()
    {
        string page = File.ReadAllText(Path.Combine(Docs, "configuration.md"));
        Assert.Equal(TopologySchema.Groups.Select(g => g.Path).Append("profiles").Order(), Block().Matches(page).Select(m => m.Groups["name"].Value).Order());
        Assert.All(TopologySchema.FreeKeys, key => Assert.Contains($"`{key}`", page, StringComparison.Ordinal));
        Assert.All(TopologySchema.Aliases.Values.SelectMany(a => a), alias => Assert.Contains($"`{alias}`", page, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_diagnostic_code_is_on_the_page()
    {
        string page = File.ReadAllText(Path.Combine(Docs, "configuration.md"));
        IEnumerable<int> codes = typeof(DiagnosticCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (int)f.GetRawConstantValue()!);
        Assert.All(codes, code => Assert.Contains($"TOPO{code.ToString(CultureInfo.InvariantCulture)}", page, StringComparison.Ordinal));
        Assert.All(Enum.GetValues<SettingFault>(), fault => Assert.Contains($"| `TOPOxx{(int)fault:00}` |", page, StringComparison.Ordinal));
    }

    [Fact]
    public void The_json_schema_knows_every_key_of_the_specification()
    {
        JsonNode schema = JsonNode.Parse(SchemaDocuments.JsonSchema())!;
        foreach (RawEntry entry in YamlTree.Read(TestFiles.SpecYaml, "spec").Documents.SelectMany(d => d.Children))
        {
            Assert.NotNull(schema["properties"]![entry.Key]);
            Walk(entry.Node, schema["properties"]![entry.Key]!, entry.Key);
        }
    }

    private static void Walk(RawSetting node, JsonNode schema, string path)
    {
        if (schema["description"]?.GetValue<string>().StartsWith("Deployment", StringComparison.Ordinal) == true)
        {
            return;
        }

        foreach (RawEntry entry in node.Children)
        {
            JsonNode? next = node.Kind == RawKind.Sequence ? schema["items"] : schema["properties"]?[entry.Key] ?? schema["additionalProperties"];
            Assert.True(next is JsonObject, $"{path}.{entry.Key} is not in the schema");
            Walk(entry.Node, next!, $"{path}.{entry.Key}");
        }

        if (node.Kind != RawKind.Scalar)
        {
            return;
        }

        if (schema["pattern"] is { } pattern)
        {
            Assert.Matches(pattern.GetValue<string>(), node.Value);
        }

        if (schema["enum"] is JsonArray choices)
        {
            Assert.Contains(node.Value, choices.Select(c => c!.GetValue<string>()));
        }
    }

    private static void Same(string path, Func<string, string> make)
    {
        string now = File.Exists(path) ? File.ReadAllText(path) : "";
        string wanted = make(now);
        if (s_update)
        {
            File.WriteAllText(path, wanted);
        }

        Assert.True(s_update || now == wanted, $"{Path.GetFileName(path)} is not what the schema table says; run the tests with TOPOLOGY_UPDATE_DOCS=1");
    }

    private static string FindRoot(string directory) =>
        File.Exists(Path.Combine(directory, "MultiAgent.Topology.sln")) ? directory : FindRoot(Path.GetDirectoryName(directory)!);

    [GeneratedRegex("<!-- table (?<name>[^ ]+) -->.*?<!-- end -->", RegexOptions.Singleline)]
    private static partial Regex Block();
}
