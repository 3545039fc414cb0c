namespace Topology.Resilience.Internal.Configuration;

/// <summary>
/// Tells what a running process does not take over. Retries and sagas read their settings for each piece of work; a key prefix, a queue or a
/// probe is read once, because a change of it in the middle of a run would let work run twice or look for it where it is not.
/// </summary>
internal static class PendingChanges
{
    /// <summary>Returns a warning for each value that differs from the one the process started with and waits for the next start.</summary>
    public static IEnumerable<TopologyDiagnostic> Find(SettingsTree started, SettingsTree now)
    {
        Dictionary<string, Setting> before = Values(started);
        Dictionary<string, Setting> after = Values(now);
        foreach ((string key, Setting setting) in after)
        {
            Setting? old = before.GetValueOrDefault(key);
            if (old?.Fingerprint() != setting.Fingerprint())
            {
                string runs = old is null ? "runs without that line" : $"runs with {Text(old)}";
                yield return Warning(setting.Origin, setting.Path, $"{setting.Path} is now {Text(setting)}", runs);
            }
        }

        foreach ((string key, Setting old) in before.Where(b => !after.ContainsKey(b.Key)))
        {
            // Its place is gone; the file is the best place there is.
            yield return Warning(old.Origin with { Line = 0, Column = 0 }, old.Path, $"{key} is no longer written", $"runs with {Text(old)}");
        }
    }

    private static TopologyDiagnostic Warning(SettingOrigin origin, string path, string change, string started) => new(
        TopologyDiagnosticSeverity.Warning,
        DiagnosticCodes.WaitsForRestart,
        origin,
        path,
        $"{change}, which waits for a restart; this process {started} until then");

    /// <summary>The values by keys that name an item of a list by what it is called, so that a changed order is no change.</summary>
    private static Dictionary<string, Setting> Values(SettingsTree tree)
    {
        var values = new Dictionary<string, Setting>(StringComparer.Ordinal);
        foreach (Setting block in tree.Root.Children.Where(c => c.Schema.Area is SettingArea.Idempotency or SettingArea.Dlq or SettingArea.Health || c.Name == TopologySchema.Sagas.Path || c.Name == TopologySchema.Nats.Path))
        {
            Collect(block, block.Name, values);
        }

        return values;
    }

    private static void Collect(Setting setting, string key, Dictionary<string, Setting> values)
    {
        if (setting.Schema.Kind == SchemaKind.Value || (setting.Schema.Kind == SchemaKind.List && setting.Schema.Item?.Kind == SchemaKind.Value))
        {
            values[key] = setting;
            return;
        }

        foreach (Setting child in setting.Children)
        {
            string? called = setting.Schema.Kind == SchemaKind.List ? OptionsFeeds.TextOf(child, "name") ?? OptionsFeeds.TextOf(child, "stream") : null;
            Collect(child, called is null ? $"{key}.{child.Name}" : $"{key}[{called}]", values);
        }
    }

    private static string Text(Setting setting) => setting.Schema.Kind == SchemaKind.List
        ? $"[{string.Join(", ", setting.Children.Select(c => c.Written))}]"
        : setting.Written ?? "not set";
}
