namespace Topology.Resilience.Internal.Configuration;

/// <summary>Compares keys as people mean them: <c>max_attempts</c>, <c>MaxAttempts</c> and <c>max-attempts</c> are one key.</summary>
internal static class Spelling
{
    public static string Normalise(string key)
    {
        Span<char> buffer = key.Length <= 256 ? stackalloc char[key.Length] : new char[key.Length];
        int length = 0;
        foreach (char c in key)
        {
            if (c is not ('_' or '-'))
            {
                buffer[length++] = char.ToLowerInvariant(c);
            }
        }

        return new string(buffer[..length]);
    }

    /// <summary>Returns the name that was probably meant, or <see langword="null"/>.</summary>
    public static string? Suggest(string written, IEnumerable<string> names)
    {
        string from = Normalise(written);
        if (from.Length is 0 or > 64)
        {
            return null;
        }

        return names
            .Select(name => (Name: name, Distance: Distance(from, Normalise(name))))
            .Where(candidate => candidate.Distance <= Math.Max(1, from.Length / 3))
            .OrderBy(candidate => candidate.Distance)
            .ThenBy(candidate => candidate.Name, StringComparer.Ordinal)
            .Select(candidate => candidate.Name)
            .FirstOrDefault();
    }

    /// <summary>Damerau–Levenshtein distance with adjacent transpositions (optimal string alignment).</summary>
    private static int Distance(string a, string b)
    {
        int[,] d = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
        {
            for (int j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    d[i, j] = i + j;
                    continue;
                }

                int cost = a[i - 1] == b[j - 1] ? 0 : 1;
                d[i, j] = Math.Min(Math.Min(d[i - 1, j] + 1, d[i, j - 1] + 1), d[i - 1, j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
                }
            }
        }

        return d[a.Length, b.Length];
    }
}
