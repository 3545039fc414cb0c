using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>
/// Builds the tree of a file from the parser's events. YamlDotNet's own node model is not used because it stops at the first duplicate key
/// and lets aliases multiply: here all duplicates are reported, and depth and expanded size are bounded.
/// </summary>
internal sealed class YamlTree
{
    public const int MaxDepth = 64;

    /// <summary>The most nodes a file may stand for once aliases are written out.</summary>
    public const int MaxNodes = 100_000;

    private readonly Dictionary<string, RawSetting> _anchors = new(StringComparer.Ordinal);
    private readonly List<TopologyDiagnostic> _diagnostics = [];
    private readonly List<RawSetting> _documents = [];
    private readonly string _source;
    private readonly string _text;
    private readonly Parser _parser;
    private long _nodes;

    private YamlTree(string text, string source)
    {
        _source = source;
        _text = text;
        _parser = new Parser(new Scanner(new StringReader(text), skipComments: true));
    }

    /// <summary>Reads every document of a text.</summary>
    /// <exception cref="YamlFault">The text is not YAML, or too deep or large.</exception>
    public static (IReadOnlyList<RawSetting> Documents, IReadOnlyList<TopologyDiagnostic> Diagnostics) Read(string text, string source)
    {
        var tree = new YamlTree(text, source);
        try
        {
            tree.ReadStream();
        }
        catch (YamlException e)
        {
            throw tree.NotYaml(e.Start, e.Message);
        }
        catch (Exception e) when (e is not YamlFault)
        {
            // The scanner answers some broken input with exceptions of other kinds.
            throw tree.NotYaml(default, "the text ends or continues unexpectedly");
        }

        return (tree._documents, tree._diagnostics);
    }

    private YamlFault NotYaml(Mark mark, string reason)
    {
        // Some faults are reported at the start of the text: what was read last is nearer.
        Mark last = _parser.Current?.End ?? default;
        int line = Math.Max(1, (int)last.Line);
        string[] lines = _text.Split('\n');
        foreach (string text in lines.Skip(line - 1).Take(2))
        {
            int tab = text.Length - text.TrimStart(' ').Length;
            if (tab < text.Length && text[tab] == '\t')
            {
                return new YamlFault(DiagnosticCodes.NotYaml, line, tab + 1, "not valid YAML: a tab cannot indent; use spaces");
            }

            line++;
        }

        Mark at = mark.Line > last.Line || (mark.Line == last.Line && mark.Column > last.Column) ? mark : last;
        (int atLine, int atColumn) = (Math.Max(1, (int)at.Line), Math.Max(1, (int)at.Column));
        string told = YamlAdvice.For(lines, atLine, atColumn, reason) ?? reason.ReplaceLineEndings(" ");
        return new YamlFault(DiagnosticCodes.NotYaml, atLine, atColumn, $"not valid YAML: {told}");
    }

    private void ReadStream()
    {
        while (_parser.MoveNext())
        {
            if (_parser.Current is not DocumentStart)
            {
                continue;
            }

            _anchors.Clear();
            _parser.MoveNext();
            RawSetting root = ReadNode(0);
            if (root.Kind == RawKind.Mapping)
            {
                _documents.Add(root);
            }
            else if (root.Kind == RawKind.Sequence || root.Value is not null)
            {
                Report(
                    (int)SettingArea.File + (int)SettingFault.Shape, root.Origin, "", "a topology file must be a mapping of keys, such as 'retry_config:'");
            }
        }
    }

    private RawSetting ReadNode(int depth)
    {
        ParsingEvent current = _parser.Current!;
        SettingOrigin origin = OriginOf(current);
        if (depth > MaxDepth)
        {
            throw new YamlFault(DiagnosticCodes.TooDeep, origin.Line, origin.Column, $"nested deeper than {MaxDepth} levels");
        }

        if (current is AnchorAlias alias)
        {
            if (!_anchors.TryGetValue(alias.Value.Value, out RawSetting? target))
            {
                throw new YamlFault(
                    DiagnosticCodes.NotYaml, origin.Line, origin.Column, $"not valid YAML: no anchor '&{alias.Value.Value}' before this alias");
            }

            Count(target.Size, origin);
            return target;
        }

        var node = (NodeEvent)current;
        if (!node.Tag.IsEmpty)
        {
            Report(DiagnosticCodes.Unsupported, origin, "", $"tags such as '{node.Tag.Value}' are not supported; write the plain value");
        }

        RawSetting result = current switch
        {
            MappingStart => ReadMapping(origin, depth),
            SequenceStart => ReadSequence(origin, depth),
            Scalar scalar => new RawSetting(RawKind.Scalar, TextOf(scalar), origin, []),
            _ => throw new YamlFault(DiagnosticCodes.NotYaml, origin.Line, origin.Column, "not valid YAML"),
        };
        Count(1, origin);
        if (!node.Anchor.IsEmpty)
        {
            _anchors[node.Anchor.Value] = result;
        }

        return result;
    }

    private RawSetting ReadMapping(SettingOrigin origin, int depth)
    {
        var entries = new List<RawEntry>();
        var seen = new Dictionary<string, SettingOrigin>(StringComparer.Ordinal);
        var merged = new List<RawSetting>();
        long size = 1;
        while (_parser.MoveNext() && _parser.Current is not MappingEnd)
        {
            SettingOrigin keyOrigin = OriginOf(_parser.Current!);
            var scalar = _parser.Current as Scalar;
            if (scalar is null)
            {
                throw new YamlFault(DiagnosticCodes.Unsupported, keyOrigin.Line, keyOrigin.Column, "a key must be plain text");
            }

            _parser.MoveNext();
            RawSetting value = ReadNode(depth + 1);
            size += value.Size;
            if (scalar is { Value: "<<", Style: ScalarStyle.Plain })
            {
                merged.AddRange(value.Kind == RawKind.Sequence ? value.Children.Select(c => c.Node) : [value]);
            }
            else if (!seen.TryAdd(scalar.Value, keyOrigin))
            {
                Report(
                    (int)SettingArea.File + (int)SettingFault.Twice,
                    keyOrigin,
                    scalar.Value,
                    $"key '{scalar.Value}' is written twice; the first is at line {seen[scalar.Value].Line}");
            }
            else
            {
                entries.Add(new RawEntry(scalar.Value, keyOrigin, value));
            }
        }

        foreach (RawSetting source in merged)
        {
            if (source.Kind != RawKind.Mapping)
            {
                Report((int)SettingArea.File + (int)SettingFault.Shape, source.Origin, "", "'<<' merges mappings only");
                continue;
            }

            entries.AddRange(source.Children.Where(entry => seen.TryAdd(entry.Key, entry.KeyOrigin)));
        }

        return new RawSetting(RawKind.Mapping, null, origin, entries, size);
    }

    private RawSetting ReadSequence(SettingOrigin origin, int depth)
    {
        var items = new List<RawEntry>();
        long size = 1;
        while (_parser.MoveNext() && _parser.Current is not SequenceEnd)
        {
            RawSetting item = ReadNode(depth + 1);
            size += item.Size;
            items.Add(new RawEntry(SettingText.Write(items.Count), item.Origin, item));
        }

        return new RawSetting(RawKind.Sequence, null, origin, items, size);
    }

    private void Count(long nodes, SettingOrigin origin)
    {
        _nodes += nodes;
        if (_nodes > MaxNodes)
        {
            throw new YamlFault(DiagnosticCodes.TooDeep, origin.Line, origin.Column, $"more than {MaxNodes} values once aliases are written out");
        }
    }

    private void Report(int code, SettingOrigin origin, string key, string text) =>
        _diagnostics.Add(new TopologyDiagnostic(TopologyDiagnosticSeverity.Error, code, origin, key, text));

    private SettingOrigin OriginOf(ParsingEvent e) => new(_source, (int)e.Start.Line, (int)e.Start.Column);

    private static string? TextOf(Scalar scalar) =>
        scalar.Style == ScalarStyle.Plain && scalar.Value is ("" or "~" or "null" or "Null" or "NULL") ? null : scalar.Value;
}
