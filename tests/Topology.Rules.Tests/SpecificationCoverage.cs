using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace Topology.Rules.Tests;

/// <summary>Holds docs/topology.md against the specification, line by line, and against what it names.</summary>
internal static class SpecificationCoverage
{
    private static readonly Lazy<Dictionary<string, string>> Sources = new(() => Repository.Files("*.cs")
        .GroupBy(file => Path.GetFileName(file).Split('.', '{')[0])
        .ToDictionary(group => group.Key, group => string.Join('\n', group.Select(File.ReadAllText))));

    private static readonly ConcurrentDictionary<string, bool> Declared = new();
    private static readonly ConcurrentDictionary<string, bool> Tests = new();

    private static readonly Lazy<string> Instruments = new(() => string.Join('\n', Repository.Files("*.cs")
        .Where(file => Repository.Relative(file).StartsWith("src/", StringComparison.Ordinal) || Repository.Relative(file).StartsWith("samples/", StringComparison.Ordinal))
        .Select(File.ReadAllText)
        .Where(text => text.Contains(".Create", StringComparison.Ordinal))));

    public static IEnumerable<string> Faults(string document, string specification)
    {
        var lines = specification.ReplaceLineEndings("\n").Split('\n');
        var rows = CoverageRow.Read(document).ToList();
        return [.. Lines(rows, lines), .. rows.SelectMany(row => Row(row, lines))];
    }

    private static IEnumerable<string> Lines(List<CoverageRow> rows, string[] lines)
    {
        var inside = false;
        for (var number = 1; number <= lines.Length; number++)
        {
            var line = lines[number - 1];
            if (line.StartsWith("```", StringComparison.Ordinal))
                inside = !inside;
            else if (inside && line.Trim().Length > 0 && rows.Count(row => row.First <= number && number <= row.Last) is var count && count != 1)
                yield return $"line {number}, {line.Trim()}: {count} rows";
        }
    }

    private static IEnumerable<string> Row(CoverageRow row, string[] lines)
    {
        var place = $"{row.Block}, line {row.First}";
        var range = lines[(row.First - 1)..row.Last].Select(line => line.Trim()).Where(line => line.Length > 0).ToList();
        string[] ends = range.Count == 1 ? [range[0]] : [range[0], range[^1]];
        if (!ends.SequenceEqual(row.Texts))
            yield return $"{place}: the specification says {string.Join(" … ", ends)}";
        if (row.Code.Count == 0 || row.Tests.Count == 0)
            yield return $"{place}: names no code or no test";
        foreach (var symbol in row.Code.Where(symbol => !IsDeclared(symbol)))
            yield return $"{place}: there is no {symbol}";
        foreach (var test in row.Tests.Where(test => !IsTest(test)))
            yield return $"{place}: there is no test {test}";
        foreach (var metric in row.Metrics.Where(metric => !Regex.IsMatch(Instruments.Value, $@"\.Create\w+(<\w+>)?\(\s*""{Regex.Escape(metric)}""")))
            yield return $"{place}: there is no instrument {metric}";
        foreach (var (file, text) in row.Manifests)
        {
            var path = Path.Combine(Repository.Root, "samples", file);
            if (!File.Exists(path))
                yield return $"{place}: there is no samples/{file}";
            else if (text.Length == 0 || !File.ReadAllText(path).Contains(text, StringComparison.Ordinal))
                yield return $"{place}: samples/{file} does not say {text}";
        }
    }

    private static bool IsDeclared(string symbol) => Declared.GetOrAdd(symbol, FindDeclaration);

    private static bool IsTest(string test) => Tests.GetOrAdd(test, FindTest);

    private static bool FindDeclaration(string symbol)
    {
        var (type, member) = symbol.Split('.') is [var first, var second] ? (first, second) : (symbol, null);
        return Sources.Value.TryGetValue(type, out var source)
            && Regex.IsMatch(source, $@"\b(class|record|struct|interface|enum) {type}\b")
            && (member is null || Regex.IsMatch(source, $@"\b{member}\b\s*(\(|<|\{{|=|;)"));
    }

    private static bool FindTest(string test) =>
        test.Split('.') is [var type, var method] && Sources.Value.Values.Any(source => Regex.IsMatch(source, $@"\bclass {type}\b") && Regex.IsMatch(source, $@"\[(Fact|Theory|Property)[^\n]*\n(\s*\[[^\n]*\n)*\s*public [\w<> ]*\b{method}\("));
}
