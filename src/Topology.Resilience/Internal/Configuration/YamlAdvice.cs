using System.Globalization;
using System.Text.RegularExpressions;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>Says in the words of the file what a YAML scanner says in the words of its grammar.</summary>
internal static partial class YamlAdvice
{
    /// <summary>Returns what to do about a line the scanner stopped at, or <see langword="null"/> where only the scanner's own words are known.</summary>
    /// <param name="lines">The file.</param>
    /// <param name="line">The line, from 1.</param>
    /// <param name="column">The column, from 1.</param>
    /// <param name="reason">What the scanner says.</param>
    public static string? For(string[] lines, int line, int column, string reason)
    {
        string here = Written(lines, line);
        if (reason.Contains("cannot start any token", StringComparison.Ordinal) && column <= here.Length)
        {
            return $"'{here[column - 1]}' cannot begin a value; put the value in quotes";
        }

        if (reason.Contains("quoted scalar", StringComparison.Ordinal))
        {
            return "the quote that opens here is not closed in its line";
        }

        int before = line - 1;
        while (before > 0 && (Written(lines, before).Trim() is "" || Written(lines, before).TrimStart().StartsWith('#')))
        {
            before--;
        }

        string above = Written(lines, before);
        string? deeper = Indent(here) > Indent(above)
            ? string.Create(CultureInfo.InvariantCulture, $"this line is indented below line {before}, which has a value already") : null;
        if (reason.Contains("did not find expected key", StringComparison.Ordinal))
        {
            return deeper ?? "this line is indented like none above it";
        }

        if (!reason.Contains("invalid mapping", StringComparison.Ordinal))
        {
            return null;
        }

        // Either the line itself has two ': ', or the text above it was never ended by one.
        return Pairs().Count(here.TrimEnd() + " ") > 1 ? "a value with ': ' in it, or ':' at its end, needs quotes"
            : LostSpace().IsMatch(above) ? string.Create(CultureInfo.InvariantCulture, $"line {before} needs a space behind its '-'")
            : !Pairs().IsMatch(above.TrimEnd() + " ") ? string.Create(CultureInfo.InvariantCulture, $"line {before} needs ': ' between its key and what follows")
            : deeper;
    }

    private static string Written(string[] lines, int line) => line >= 1 && line <= lines.Length ? lines[line - 1].TrimEnd('\r') : "";

    private static int Indent(string line) => line.Length - line.TrimStart(' ').Length;

    [GeneratedRegex(":[ \t]")]
    private static partial Regex Pairs();

    [GeneratedRegex("^ *-[A-Za-z_]")]
    private static partial Regex LostSpace();
}
