using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>Lays every provider's section <c>Topology</c> over each other, key by key against the schema, and keeps each value's place.</summary>
internal sealed class SettingsReader
{
    /// <summary>The most entries of one mapping of names or list.</summary>
    public const int MaxEntries = 1_000;

    /// <summary>After this many findings no more spellings are compared: a file of nothing but unknown keys must not cost minutes.</summary>
    private const int MaxSuggestions = 100;

    private readonly List<TopologyDiagnostic> _diagnostics = [];
    private readonly Setting _root = new("", "", TopologySchema.Root, SettingOrigin.Code);

    /// <summary>The provider that set each value last.</summary>
    private readonly Dictionary<Setting, IConfigurationProvider> _setBy = [];

    private IConfigurationProvider? _provider;

    private SettingsReader()
    {
    }

    public static SettingsTree Read(IConfiguration configuration)
    {
        var reader = new SettingsReader();
        var sources = new List<string>();
        foreach (IConfigurationProvider provider in ProviderLayer.Providers(configuration))
        {
            reader._provider = provider;
            if (provider is TopologyYamlProvider file)
            {
                sources.Add(file.Name);
                reader._diagnostics.AddRange(file.Diagnostics);
                foreach (RawSetting document in file.Documents)
                {
                    reader.Fold(reader._root, document);
                }
            }
            else if (ProviderLayer.Read(provider) is { } layer)
            {
                sources.Add(layer.Origin.Source);
                reader.Fold(reader._root, layer);
            }
        }

        reader.RequireKeys(reader._root);
        return new SettingsTree(reader._root, reader._diagnostics, sources);
    }

    private void Fold(Setting target, RawSetting source)
    {
        SchemaNode schema = target.Schema;
        switch (schema.Kind)
        {
            case SchemaKind.Section or SchemaKind.Names:
                if (source.Kind == RawKind.Mapping)
                {
                    FoldMapping(target, source);
                }
                else if (source.Kind == RawKind.Sequence || !string.IsNullOrEmpty(source.Value))
                {
                    Report(SettingFault.Shape, target, source.Origin, SettingHints.OfShape(target, source));
                    target.IsFaulty = true;
                }

                break;
            case SchemaKind.List:
                FoldList(target, source);
                break;
            case SchemaKind.Value:
                FoldValue(target, source);
                break;
        }
    }

    private void FoldMapping(Setting target, RawSetting source)
    {
        if (HasTooMany(target, source))
        {
            return;
        }

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
                string shown = SettingType.Shorten(entry.Key);
                Report(SettingFault.Shape, schema.Area, entry.KeyOrigin, path, $"'{shown}' cannot be a name: 1..{TopologySchema.MaxName} characters without ':'");
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
            Fold(child, entry.Node);
        }
    }

    private void FoldList(Setting target, RawSetting source)
    {
        if (source.Kind == RawKind.Scalar && string.IsNullOrEmpty(source.Value))
        {
            return;
        }

        if (source.Kind != RawKind.Sequence)
        {
            Report(SettingFault.Shape, target, source.Origin, SettingHints.OfShape(target, source));
            target.IsFaulty = true;
            return;
        }

        if (HasTooMany(target, source))
        {
            return;
        }

        if (_provider is TopologyYamlProvider)
        {
            if (IsSetHere(target))
            {
                NoteSetAgain(target, source);
            }

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
            Fold(child, entry.Node);
        }
    }

    private void FoldValue(Setting target, RawSetting source)
    {
        if (IsSetHere(target))
        {
            if (_provider is not TopologyYamlProvider)
            {
                Report(SettingFault.Twice, target, source.Origin, $"and {Shown(target.Path, target.Origin)} are the same key; keep one");
                return;
            }

            NoteSetAgain(target, source);
        }

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

    private bool HasTooMany(Setting target, RawSetting source)
    {
        if (target.Schema.Kind == SchemaKind.Section || source.Children.Count <= MaxEntries)
        {
            return false;
        }

        _diagnostics.Add(new TopologyDiagnostic(
            TopologyDiagnosticSeverity.Error,
            DiagnosticCodes.TooDeep,
            source.Origin,
            target.Path,
            $"{Shown(target.Path, source.Origin)} has more than {MaxEntries} entries"));
        target.IsFaulty = true;
        return true;
    }

    /// <summary>Whether the provider being read has set this already, and that it has now.</summary>
    private bool IsSetHere(Setting target)
    {
        bool before = _setBy.GetValueOrDefault(target) == _provider;
        _setBy[target] = _provider!;
        return before;
    }

    private void NoteSetAgain(Setting target, RawSetting source) => _diagnostics.Add(new TopologyDiagnostic(
        TopologyDiagnosticSeverity.Warning,
        (int)target.Schema.Area + (int)SettingFault.SetAgain,
        source.Origin,
        target.Path,
        string.Create(CultureInfo.InvariantCulture, $"{target.Path} is set again; the value at line {target.Origin.Line} is not used")));

    private void RequireKeys(Setting node)
    {
        foreach (Setting child in node.Children)
        {
            RequireKeys(child);
        }

        // Where something else stands than a mapping, that is said already.
        if (node.Schema.Kind != SchemaKind.Section || node.Schema.Name == "" || node.IsFaulty)
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
        string hint = SettingHints.OfUnknownKey(target, entry.Key, compare: _diagnostics.Count <= MaxSuggestions);
        Report(
            SettingFault.UnknownKey,
            target.Schema.Area,
            entry.KeyOrigin,
            Join(target.Path, entry.Key),
            $"unknown key '{SettingType.Shorten(entry.Key)}'{place}{hint}");
    }

    private void Report(SettingFault fault, Setting target, SettingOrigin origin, string text) =>
        Report(fault, target.Schema.Area, origin, target.Path, $"{Shown(target.Path, origin)} {text}");

    private void Report(SettingFault fault, SettingArea area, SettingOrigin origin, string key, string text)
    {
        // Without a line the key is all there is to search for.
        string shown = origin.RawKey is { } raw && !text.StartsWith(raw, StringComparison.Ordinal) ? $"{raw}: {text}" : text;
        _diagnostics.Add(new TopologyDiagnostic(TopologyDiagnosticSeverity.Error, (int)area + (int)fault, origin, key, shown));
    }

    /// <summary>A source without lines is searched by the key as it is spelled there.</summary>
    private static string Shown(string path, SettingOrigin origin) => origin.RawKey ?? path;

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    /// <summary>A name keeps its first spelling; the names that exist anyway come before every file.</summary>
    private static string NameOf(Setting target, string written)
    {
        string normal = Spelling.Normalise(written);
        return target.Children.Select(c => c.Name).Concat(target.Schema.Names).FirstOrDefault(n => Spelling.Normalise(n) == normal) ?? written;
    }
}
