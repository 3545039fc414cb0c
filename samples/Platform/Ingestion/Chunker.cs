namespace Platform.Ingestion;

/// <summary>Takes a text apart at its paragraphs and sentences, into pieces of a size that a model takes well.</summary>
internal static class Chunker
{
    public const int MaxLength = 800;

    public static IEnumerable<string> Split(string text)
    {
        var rest = text.AsMemory().Trim();
        while (rest.Length > MaxLength)
        {
            var end = End(rest.Span[..MaxLength]);
            yield return rest[..end].Trim().ToString();
            rest = rest[end..].Trim();
        }

        if (rest.Length > 0)
        {
            yield return rest.ToString();
        }
    }

    // The last paragraph that ends in the window, else the last sentence, else the last word, else the window.
    private static int End(ReadOnlySpan<char> window)
    {
        foreach (var separator in (ReadOnlySpan<string>)["\n\n", ". ", " "])
        {
            if (window.LastIndexOf(separator) is > 0 and var at)
            {
                return at + separator.Length;
            }
        }

        return window.Length;
    }
}
