namespace Platform.Realtime;

/// <summary>How runs are named to clients: the topic <c>run.{id}</c> of the subjects <c>run.{id}.state</c> and <c>run.{id}.delta</c>.</summary>
internal static class RunTopics
{
    private const string Prefix = "run.";

    /// <summary>Returns the topic of a subject.</summary>
    public static string OfSubject(string subject) => subject[..subject.LastIndexOf('.')];

    /// <summary>Reads <c>run.{id}</c> or <c>run.{id}:{sequence}</c>: what a client follows, and the last it has seen.</summary>
    public static bool TryParse(string text, out string topic, out string runId, out ulong seen)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        topic = colon < 0 ? text : text[..colon];
        runId = topic.StartsWith(Prefix, StringComparison.Ordinal) ? topic[Prefix.Length..] : "";
        seen = 0;
        return runId.Length is > 0 and <= 64 && runId.All(char.IsAsciiLetterOrDigit)
            && (colon < 0 || ulong.TryParse(text.AsSpan(colon + 1), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out seen));
    }
}
