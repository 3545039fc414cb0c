using System.Globalization;

namespace Topology.Samples.Tests.Deploy;

/// <summary>The tables of docs/scale.md.</summary>
internal static class ScalePage
{
    /// <summary>Gets what one run costs, by name.</summary>
    public static Dictionary<string, double> Costs() => Rows("## What one run costs").ToDictionary(cells => cells[0], cells => Number(cells[1]));

    /// <summary>Gets the rows of the table under a heading, without its head.</summary>
    public static IEnumerable<string[]> Rows(string heading)
    {
        var lines = File.ReadAllLines(Path.Combine(EngTool.Root, "docs/scale.md"));
        var from = Array.IndexOf(lines, heading);
        Assert.True(from >= 0, $"docs/scale.md has no {heading}.");
        return lines.Skip(from + 1).TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(1)
            .Select(line => line.Trim('|', ' ').Split(" | ").Select(cell => cell.Trim()).ToArray());
    }

    public static double Number(string text) => double.Parse(text.Replace(",", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
}
