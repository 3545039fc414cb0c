using System.Text.RegularExpressions;

namespace Topology.Rules.Tests;

/// <summary>The blocks of a Markdown document that have a mark, and the files they are cut from. A README's C# always has one.</summary>
/// <remarks>The mark is the line above the block: <c>&lt;!-- code: samples/Quickstart/Program.cs --&gt;</c>, or <c>FILE#region</c> for one region.</remarks>
internal static partial class DocumentCode
{
    /// <summary>Puts the current code into each marked block; <paramref name="code"/> gets the source a mark names.</summary>
    /// <param name="document">The Markdown.</param>
    /// <param name="code">Returns the text for a mark.</param>
    /// <param name="unmarked">The line numbers of C# blocks without a mark.</param>
    public static string Rewrite(string document, Func<string, string> code, out List<int> unmarked)
    {
        var lines = document.Split('\n');
        var result = new List<string>();
        unmarked = [];
        for (var i = 0; i < lines.Length; i++)
        {
            result.Add(lines[i]);
            var fence = Fence().Match(lines[i]);
            if (!fence.Success)
                continue;
            var end = Array.FindIndex(lines, i + 1, line => line.TrimEnd() == fence.Groups[1].Value);
            if (end < 0)
                throw new InvalidOperationException($"The block at line {i + 1} does not end.");
            var mark = i > 0 ? Mark().Match(lines[i - 1]) : System.Text.RegularExpressions.Match.Empty;
            if (mark.Success)
            {
                result.AddRange(code(mark.Groups[1].Value).Split('\n'));
                result.Add(lines[end]);
                i = end;
                continue;
            }

            if (IsCSharp().IsMatch(lines[i]))
                unmarked.Add(i + 1);
            result.AddRange(lines[(i + 1)..(end + 1)]);
            i = end;
        }

        return string.Join('\n', result);
    }

    /// <summary>Cuts a region, or all, out of a source file, without indentation and without other regions' lines.</summary>
    public static string Cut(string source, string? region)
    {
        var lines = source.ReplaceLineEndings("\n").Trim('\n', '\uFEFF').Split('\n');
        if (region is not null)
        {
            var starts = lines.Index().Where(line => RegionStart().Match(line.Item) is { Success: true } match && match.Groups[1].Value == region).ToList();
            if (starts.Count != 1)
                throw new InvalidOperationException($"There are {starts.Count} regions '{region}'; there must be one.");
            var depth = 1;
            var end = starts[0].Index;
            while (depth > 0 && ++end < lines.Length)
                depth += RegionStart().IsMatch(lines[end]) ? 1 : RegionEnd().IsMatch(lines[end]) ? -1 : 0;
            lines = lines[(starts[0].Index + 1)..end];
        }

        var kept = lines.Where(line => !RegionStart().IsMatch(line) && !RegionEnd().IsMatch(line)).ToList();
        var indent = kept.Where(line => line.Trim().Length > 0).Select(line => line.Length - line.TrimStart().Length).DefaultIfEmpty().Min();
        return string.Join('\n', kept.Select(line => line.Length > indent ? line[indent..].TrimEnd() : line.Trim())).Trim('\n');
    }

    [GeneratedRegex(@"^(`{3,})[^`]*$")]
    private static partial Regex Fence();

    [GeneratedRegex(@"^`{3,}\s*(csharp|cs|c#)\b", RegexOptions.IgnoreCase)]
    private static partial Regex IsCSharp();

    [GeneratedRegex(@"^<!-- code: (\S+) -->\s*$")]
    private static partial Regex Mark();

    [GeneratedRegex(@"^\s*#region\s+(.+?)\s*$")]
    private static partial Regex RegionStart();

    [GeneratedRegex(@"^\s*#endregion")]
    private static partial Regex RegionEnd();
}
