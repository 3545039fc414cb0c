using System.Globalization;
using System.Text.RegularExpressions;

namespace Topology.Rules.Tests;

/// <summary>One row of the tables of docs/topology.md: some lines of the specification, and where they went.</summary>
/// <param name="Block">The heading above the table.</param>
/// <param name="First">The first line, counted from 1.</param>
/// <param name="Last">The last line.</param>
/// <param name="Texts">The text of the first line and, of several, of the last one that is not blank.</param>
/// <param name="Code">Types and members.</param>
/// <param name="Tests">Tests, as Class.Method.</param>
/// <param name="Metrics">Instruments.</param>
/// <param name="Manifests">Files below samples/, each with a text in it.</param>
internal sealed partial record CoverageRow(
    string Block, int First, int Last, IReadOnlyList<string> Texts, IReadOnlyList<string> Code, IReadOnlyList<string> Tests, IReadOnlyList<string> Metrics, IReadOnlyList<(string File, string Text)> Manifests)
{
    private const string Header = "| Line | Specification | Option, default | Code | Test | Metric | Manifest | Deviation |";

    /// <summary>Reads the rows; below each table a list says which test each of its marks stands for.</summary>
    public static IEnumerable<CoverageRow> Read(string document)
    {
        foreach (var section in document.ReplaceLineEndings("\n").Split("\n### ").Skip(1).Where(section => section.Contains(Header, StringComparison.Ordinal)))
        {
            var lines = section.Split('\n');
            var tests = lines.Select(line => TestItem().Match(line)).Where(match => match.Success).ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);
            foreach (var line in lines.Where(line => RowStart().IsMatch(line)))
            {
                var cells = Cell().Split(line)[1..^1];
                if (cells.Length != 8)
                    throw new FormatException($"{cells.Length} cells, not 8, in: {line}");
                var range = cells[0].Trim().Split('–').Select(number => int.Parse(number, CultureInfo.InvariantCulture)).ToList();
                yield return new(
                    lines[0],
                    range[0],
                    range[^1],
                    Quoted(cells[1]),
                    Quoted(cells[3]),
                    [.. cells[4].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(mark => tests.GetValueOrDefault(mark, $"{mark}, which no list explains"))],
                    Quoted(cells[5]),
                    [.. cells[6].Split("<br>").Select(Quoted).Where(pair => pair.Count > 0).Select(pair => (pair[0], pair.Count > 1 ? pair[1] : ""))]);
            }
        }
    }

    private static List<string> Quoted(string cell) => [.. Quote().Matches(cell).Select(match => match.Groups[1].Value.Replace("\\|", "|", StringComparison.Ordinal))];

    [GeneratedRegex(@"^- (\w+): `(\w+\.\w+)`$")]
    private static partial Regex TestItem();

    [GeneratedRegex(@"^\| \d+(–\d+)? \|")]
    private static partial Regex RowStart();

    [GeneratedRegex(@"(?<!\\)\|")]
    private static partial Regex Cell();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quote();
}
