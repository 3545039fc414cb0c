namespace Topology.Retry.Internal;

/// <summary>Finds the name a misspelt one was meant to be, by Levenshtein distance.</summary>
internal static class NearestName
{
    public static string? Of(string wanted, IEnumerable<string> known)
    {
        var best = known
            .Select(name => (Name: name, Distance: Distance(wanted.ToLowerInvariant(), name.ToLowerInvariant())))
            .OrderBy(static candidate => candidate.Distance)
            .FirstOrDefault();
        return best.Name is not null && best.Distance <= Math.Max(2, wanted.Length / 2) ? best.Name : null;
    }

    private static int Distance(string left, string right)
    {
        var row = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 1; i <= left.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                var substitute = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substitute, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[right.Length];
    }
}
