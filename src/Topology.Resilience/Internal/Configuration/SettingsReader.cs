using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.CommandLine;
using Microsoft.Extensions.Configuration.EnvironmentVariables;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>Lays every provider's section <c>Topology</c> over each other, key by key against the schema, and keeps each value's place.</summary>
internal sealed class SettingsReader
{
    private readonly List<TopologyDiagnostic> _diagnostics = [];
    private readonly Setting _root = new("", "", TopologySchema.Root, SettingOrigin.Code);

    /// <summary>Whether each document of a file already set a key: a second one is legal, and said.</summary>
    private readonly Dictionary<Setting, string> _lastFile = [];

    /// <summary>The values that the flat source now being read has set.</summary>
    private readonly HashSet<Setting> _setByThisSource = [];

    private SettingsReader()
    {
    }

    public static SettingsTree Read(IConfiguration configuration)
    {
        var reader = new SettingsReader();
        var sources = new List<string>();
        foreach (IConfigurationProvider provider in Providers(configuration))
        {
            if (provider is TopologyYamlProvider file)
            {
                reader._diagnostics.AddRange(file.Diagnostics);
                foreach (RawLayer document in file.Documents)
                {
                    sources.Add(document.Root.Origin.Source);
                    reader.Fold(reader._root, document.Root, document.ReplacesLists, document.Root.Origin.Source);
                }
            }
            else if (Layer(provider) is { } layer)
            {
                sources.Add(layer.Origin.Source);
                reader._setByThisSource.Clear();
                reader.Fold(reader._root, layer, replacesLists: false, file: null);
            }
        }

        reader.RequireKeys(reader._root);
        return new SettingsTree(reader._root, reader._diagnostics, sources);
    }

    private void Fold(Setting target, RawSetting source, bool replacesLists, string? file)
    {
        SchemaNode schema = target.Schema;
        switch (schema.Kind)
        {
            case SchemaKind.Section or SchemaKind.Names:
                if (source.Kind == RawKind.Mapping)
                {
                    FoldMapping(target, source, replacesLists, file);
                }
                else if (source.Kind == RawKind.Sequence || !string.IsNullOrEmpty(source.Value))
                {
                    Report(SettingFault.Shape, target, source.Origin, "must be a mapping of keys");
                    target.IsFaulty = true;
                }

                break;
            case SchemaKind.List:
                FoldList(target, source, replacesLists, file);
                break;
            case SchemaKind.Value:
                FoldValue(target, source, file);
                break;
        }
    }

    private void FoldMapping(Setting target, RawSetting source, bool replacesLists, string? file)
    {
        var seen = new Dictionary<string, RawEntry>(StringComparer.Ordinal);
        foreach (RawEntry entry in source.Children)
        {
            if (entry.Key.StartsWith("x-", StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            SchemaNode? schema = target.Schema.Kind == SchemaKind.Names ? target.Schema.Item : target.Schema.Find(entry.Key);
            if (schema is null)
            {
                ReportUnknown(target, entry);
                continue;
            }

            string name = target.Schema.Kind == SchemaKind.Names ? NameOf(target, entry.Key) : schema.Name;
            string path = Join(target.Path, name);
            if (entry.Key.Length == 0 || entry.Key.Length > TopologySchema.MaxName || entry.Key.Contains(':', StringComparison.Ordinal))
            {
                Report(SettingFault.Shape, schema.Area, entry.KeyOrigin, path, $"'{SettingType.Shorten(entry.Key)}' cannot be a name: 1..{TopologySchema.MaxName} characters without ':'");
                continue;
            }

            // In a source of flat keys, two spellings of a section do not clash as long as no value is written twice.
            bool isFlatSection = entry.KeyOrigin.Line == 0 && schema.Kind is (SchemaKind.Section or SchemaKind.Names);
            if (!seen.TryAdd(name, entry) && !isFlatSection)
            {
                RawEntry first = seen[name];
                string where = first.KeyOrigin.Line > 0 ? string.Create(CultureInfo.InvariantCulture, $" at line {first.KeyOrigin.Line}") : "";
                Report(SettingFault.Twice, schema.Area, entry.KeyOrigin, path, $"'{entry.Key}' and '{first.Key}'{where} are the same key; keep one");
                continue;
            }

            Setting? child = target.Child(name);
            if (child is null)
            {
                child = new Setting(name, path, schema, entry.KeyOrigin);
                target.Add(child);
            }

            child.IsSet = true;
            Fold(child, entry.Node, replacesLists, file);
        }
    }

    private void FoldList(Setting target, RawSetting source, bool replacesLists, string? file)
    {
        if (source.Kind == RawKind.Scalar && string.IsNullOrEmpty(source.Value))
        {
            return;
        }

        if (source.Kind != RawKind.Sequence)
        {
            Report(SettingFault.Shape, target, source.Origin, "must be a list");
            target.IsFaulty = true;
            return;
        }

        if (replacesLists)
        {
            NoteSetAgain(target, source, file, target.Children.Count > 0);
            target.Clear();
            target.IsFaulty = false;
        }

        target.Origin = source.Origin;
        foreach (RawEntry entry in source.Children)
        {
            Setting? child = target.Child(entry.Key);
            if (child is null)
            {
                child = new Setting(entry.Key, $"{target.Path}[{entry.Key}]", target.Schema.Item!, entry.KeyOrigin);
                target.Add(child);
            }

            child.IsSet = true;
            Fold(child, entry.Node, replacesLists, file);
        }
    }

    private void FoldValue(Setting target, RawSetting source, string? file)
    {
        if (file is null && !_setByThisSource.Add(target))
        {
            Report(SettingFault.Twice, target, source.Origin, $"and {Shown(target.Path, target.Origin)} are the same key; keep one");
            return;
        }

        NoteSetAgain(target, source, file, target.Origin != target.KeyOrigin || target.Parsed is not null);
        SettingRow row = target.Schema.Row!;
        target.Origin = source.Origin;
        target.Parsed = null;
        target.IsFaulty = true;
        if (source.Kind != RawKind.Scalar)
        {
            Report(SettingFault.Shape, target, source.Origin, $"must be one value: {row.Type.Allowed}");
        }
        else if (source.Value is null)
        {
            target.IsFaulty = !row.Optional;
            if (!row.Optional)
            {
                Report(SettingFault.Missing, target, source.Origin, $"has no value; it must be {row.Type.Allowed}");
            }
        }
        else
        {
            (object? value, SettingFault fault, string? problem) = row.Type.Read(source.Value.Trim());
            target.Parsed = value;
            target.Written = source.Value.Trim();
            target.IsFaulty = problem is not null;
            if (problem is not null)
            {
                Report(fault, target, source.Origin, problem);
            }
        }
    }

    private void NoteSetAgain(Setting target, RawSetting source, string? file, bool wasSet)
    {
        if (wasSet && file is not null && _lastFile.GetValueOrDefault(target) == file)
        {
            _diagnostics.Add(new TopologyDiagnostic(
                TopologyDiagnosticSeverity.Warning,
                (int)target.Schema.Area + (int)SettingFault.SetAgain,
                source.Origin,
                target.Path,
                string.Create(CultureInfo.InvariantCulture, $"{target.Path} is set again; the earlier document's value at line {target.Origin.Line} is not used")));
        }

        if (file is not null)
        {
            _lastFile[target] = file;
        }
    }

    private void RequireKeys(Setting node)
    {
        foreach (Setting child in node.Children)
        {
            RequireKeys(child);
        }

        if (node.Schema.Kind != SchemaKind.Section || node.Schema.Name == "")
        {
            return;
        }

        foreach (SchemaNode required in node.Schema.Children.Where(c => IsRequired(c) && node.Child(c.Name) is null))
        {
            Report(SettingFault.Missing, required.Area, node.KeyOrigin, node.Path, $"{Shown(node.Path, node.KeyOrigin)} has no '{required.Name}'");
            node.IsFaulty = true;
        }
    }

    private static bool IsRequired(SchemaNode node) =>
        node.Row is { Required: true } || (node.Kind == SchemaKind.Section && node.Children.Any(IsRequired));

    private void ReportUnknown(Setting target, RawEntry entry)
    {
        string place = target.Path.Length == 0 ? "" : $" in {target.Path}";
        string? near = Spelling.Suggest(entry.Key, target.Schema.Children.Select(c => c.Name));
        string hint = near is not null ? $"; did you mean '{near}'?"
            : target.Path.Length == 0 ? "; start keys of your own with 'x-'"
            : $"; known are {string.Join(", ", target.Schema.Children.Select(c => c.Name))}";
        Report(
            SettingFault.UnknownKey, target.Schema.Area, entry.KeyOrigin, Join(target.Path, entry.Key), $"unknown key '{SettingType.Shorten(entry.Key)}'{place}{hint}");
    }

    private void Report(SettingFault fault, Setting target, SettingOrigin origin, string text) =>
        Report(fault, target.Schema.Area, origin, target.Path, $"{Shown(target.Path, origin)} {text}");

    private void Report(SettingFault fault, SettingArea area, SettingOrigin origin, string key, string text) =>
        _diagnostics.Add(new TopologyDiagnostic(
            TopologyDiagnosticSeverity.Error, (int)area + (int)fault, origin, key, origin.Line > 0 || text.StartsWith(origin.RawKey ?? "", StringComparison.Ordinal) ? text : $"{origin.RawKey}: {text}"));

    /// <summary>A source without lines is searched by the key as it is spelled there.</summary>
    private static string Shown(string path, SettingOrigin origin) => origin.RawKey ?? path;

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    /// <summary>A name keeps its first spelling; the names that exist anyway come before every file.</summary>
    private static string NameOf(Setting target, string written)
    {
        string normal = Spelling.Normalise(written);
        return target.Children.Select(c => c.Name).Concat(target.Schema.Names).FirstOrDefault(n => Spelling.Normalise(n) == normal) ?? written;
    }

    private static IEnumerable<IConfigurationProvider> Providers(IConfiguration configuration) =>
        configuration is IConfigurationRoot root
            ? root.Providers.SelectMany(p => p is ChainedConfigurationProvider chained ? Providers(chained.Configuration) : [p])
            : [new OneConfiguration(configuration)];

    private static RawSetting? Layer(IConfigurationProvider provider)
    {
        RawSetting layer = Node(provider, TopologyYamlProvider.Section, 0);
        return layer.Kind == RawKind.Mapping ? layer : null;
    }

    private static RawSetting Node(IConfigurationProvider provider, string path, int depth)
    {
        SettingOrigin origin = OriginOf(provider, path);
        string[] keys = depth > YamlTree.MaxDepth ? [] : [.. provider.GetChildKeys([], path).Distinct(StringComparer.OrdinalIgnoreCase)];
        if (keys.Length == 0)
        {
            provider.TryGet(path, out string? value);
            return new RawSetting(RawKind.Scalar, value, origin, []);
        }

        var entries = new List<RawEntry>(keys.Length);
        foreach (string key in keys)
        {
            string child = ConfigurationPath.Combine(path, key);
            entries.Add(new RawEntry(key, OriginOf(provider, child), Node(provider, child, depth + 1)));
        }

        return new RawSetting(keys.All(k => k.All(char.IsAsciiDigit)) ? RawKind.Sequence : RawKind.Mapping, null, origin, entries);
    }

    private static SettingOrigin OriginOf(IConfigurationProvider provider, string path) => provider switch
    {
        FileConfigurationProvider { Source.Path: { } file } => new SettingOrigin(file, 0, 0, path),
        EnvironmentVariablesConfigurationProvider => new SettingOrigin("environment", 0, 0, path.Replace(":", "__", StringComparison.Ordinal)),
        CommandLineConfigurationProvider => new SettingOrigin("command line", 0, 0, $"--{path}"),
        OneConfiguration => new SettingOrigin("configuration", 0, 0, path),
        _ => new SettingOrigin(provider.GetType().Name.Replace("ConfigurationProvider", "", StringComparison.Ordinal).ToLowerInvariant(), 0, 0, path),
    };

    /// <summary>A configuration that does not show its providers, as one provider.</summary>
    private sealed class OneConfiguration(IConfiguration configuration) : ConfigurationProvider
    {
        public override bool TryGet(string key, out string? value)
        {
            value = configuration[key];
            return value is not null;
        }

        public override IEnumerable<string> GetChildKeys(IEnumerable<string> earlierKeys, string? parentPath) =>
            configuration.GetSection(parentPath!).GetChildren().Select(c => c.Key);
    }
}
