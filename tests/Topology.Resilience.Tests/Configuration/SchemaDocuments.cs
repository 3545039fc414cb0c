using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Topology.Resilience.Internal.Configuration;
using Topology.Retry;

namespace Topology.Resilience.Tests.Configuration;

/// <summary>What is written down from the schema table: the JSON Schema and the tables of <c>docs/configuration.md</c>.</summary>
internal static class SchemaDocuments
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static string JsonSchema()
    {
        JsonObject root = Node(TopologySchema.Root, null);
        var schema = new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = "topology.yaml",
            ["description"] = "Runtime topology of a multi-agent platform. Keys of your own start with x-.",
        };
        foreach ((string key, JsonNode? value) in root.ToList())
        {
            root.Remove(key);
            schema[key] = value;
        }

        foreach ((string key, string[] aliases) in TopologySchema.Aliases)
        {
            foreach (string alias in aliases)
            {
                schema["properties"]![alias] = new JsonObject { ["$ref"] = $"#/properties/{key}", ["deprecated"] = true };
            }
        }

        return schema.ToJsonString(s_json) + "\n";
    }

    /// <summary>One Markdown table per group, by the group's path.</summary>
    public static string Table(SettingGroup group)
    {
        var text = new StringBuilder("| Key | Value | Allowed | Default | Meaning |\n|---|---|---|---|---|\n");
        object defaults = group.Defaults();
        foreach (SettingRow row in group.Rows)
        {
            string standard = row.Required ? "required" : row.Get is null ? $"`{row.Fallback}`" : row.Get(defaults) switch
            {
                null => "not set",
                IList<string> => "from the name",
                { } value => $"`{row.Type.Write(value)}`",
            };
            text.Append(CultureInfo.InvariantCulture, $"| `{row.Key}` | {row.Type.Name} | {row.Type.Allowed} | {standard} | {row.Help} |\n");
        }

        return text.ToString();
    }

    public static string Profiles()
    {
        var text = new StringBuilder("| Profile | `max_attempts` | `base_delay` | `max_delay` | `exponential_base` | `jitter` |\n|---|---|---|---|---|---|\n");
        foreach (string name in TopologySchema.RetryProfile.Names)
        {
            RetryProfileOptions o = RetryProfileOptions.ForProfile(name);
            text.Append(CultureInfo.InvariantCulture, $"| `{name}` | {o.MaxAttempts} | {SettingText.Write(o.BaseDelay)} | {SettingText.Write(o.MaxDelay)} | {o.ExponentialBase} | {o.Jitter} |\n");
        }

        return text.ToString();
    }

    private static JsonObject Node(SchemaNode node, SettingGroup? group)
    {
        group = TopologySchema.Groups.FirstOrDefault(g => ReferenceEquals(Find(g), node)) ?? group;
        switch (node.Kind)
        {
            case SchemaKind.Free:
                return new JsonObject { ["description"] = "Deployment; read and not looked into." };
            case SchemaKind.Value:
                return Value(node.Row!, group!);
            case SchemaKind.List:
                return new JsonObject { ["type"] = "array", ["items"] = Node(node.Item!, group) };
            case SchemaKind.Names:
                return new JsonObject
                {
                    ["type"] = Types("object"),
                    ["propertyNames"] = new JsonObject { ["maxLength"] = TopologySchema.MaxName },
                    ["additionalProperties"] = Node(node.Item!, group),
                };
            default:
                var properties = new JsonObject();
                foreach (SchemaNode child in node.Children)
                {
                    properties[child.Name] = Node(child, group);
                }

                var section = new JsonObject { ["type"] = Types("object") };
                if (group is not null && ReferenceEquals(Find(group), node))
                {
                    section["description"] = group.Help;
                }

                section["properties"] = properties;
                string[] required = [.. node.Children.Where(IsRequired).Select(c => c.Name)];
                if (required.Length > 0 && node.Name.Length > 0)
                {
                    section["required"] = new JsonArray([.. required.Select(r => (JsonNode)r)]);
                    section["type"] = "object";
                }

                section["patternProperties"] = new JsonObject { ["^[xX]-"] = new JsonObject() };
                section["additionalProperties"] = false;
                return section;
        }
    }

    private static JsonArray Types(string type) => [type, "null"];

    private static bool IsRequired(SchemaNode node) => node.Row is { Required: true } || (node.Kind == SchemaKind.Section && node.Children.Any(IsRequired));

    private static JsonObject Value(SettingRow row, SettingGroup group)
    {
        var type = (JsonObject)JsonNode.Parse($"{{{row.Type.Json}}}")!;
        var value = new JsonObject { ["description"] = row.Help };
        if (row.Optional)
        {
            value["anyOf"] = new JsonArray(type, new JsonObject { ["type"] = "null" });
            return value;
        }

        foreach ((string key, JsonNode? part) in type.ToList())
        {
            type.Remove(key);
            value[key] = part;
        }

        object? standard = row.Get is null ? null : row.Get(group.Defaults());
        if (!row.Required && !row.IsList && (standard is not null || row.Fallback is not null))
        {
            value["default"] = standard switch
            {
                int i => i,
                double d => d,
                bool b => b,
                null => row.Fallback,
                _ => row.Type.Write(standard),
            };
        }

        return value;
    }

    private static SchemaNode Find(SettingGroup group)
    {
        SchemaNode node = TopologySchema.Root;
        foreach (string part in group.Path.Split('.'))
        {
            node = part == "*" ? node.Item! : part.EndsWith("[]", StringComparison.Ordinal) ? node.Find(part[..^2])!.Item! : node.Find(part)!;
        }

        return node;
    }
}
