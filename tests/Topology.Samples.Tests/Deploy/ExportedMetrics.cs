using System.Text.RegularExpressions;

namespace Topology.Samples.Tests.Deploy;

/// <summary>The names under which Prometheus sees the instruments of the packages and of the services.</summary>
/// <remarks>Read from the code, because an instrument shows only once it has counted; what running services show is compared with it.</remarks>
internal static partial class ExportedMetrics
{
    /// <summary>What others export: Prometheus itself, kube-state-metrics and KEDA.</summary>
    private static readonly string[] Foreign =
    [
        "up", "kube_horizontalpodautoscaler_status_current_replicas", "kube_horizontalpodautoscaler_spec_max_replicas", "keda_scaler_detail_errors_total",
    ];

    /// <summary>Gets the names of this repository's instruments.</summary>
    public static IReadOnlySet<string> Own { get; } = ReadSource();

    public static bool Knows(string name) => Own.Contains(name) || Foreign.Contains(name);

    /// <summary>Returns the metrics an expression reads.</summary>
    public static IEnumerable<string> In(string expression)
    {
        var bare = Grouping().Replace(Duration().Replace(Quoted().Replace(expression, "\"\""), ""), "");
        return Identifier().Matches(Labels().Replace(bare, "")).Select(match => match.Value)
            .Where(name => !Words.Contains(name)).Distinct();
    }

    private static readonly HashSet<string> Words =
        ["sum", "max", "min", "by", "on", "or", "and", "unless", "offset", "rate", "increase", "histogram_quantile", "ignoring", "group_left", "absent", "count", "avg"];

    private static HashSet<string> ReadSource()
    {
        var names = new HashSet<string>();
        foreach (var folder in new[] { "src", "samples/Platform" })
        {
            var files = Directory.EnumerateFiles(Path.Combine(EngTool.Root, folder), "*.cs", SearchOption.AllDirectories)
                .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal));
            foreach (Match made in files.SelectMany(file => Instrument().Matches(File.ReadAllText(file))))
                names.UnionWith(Prometheus(made.Groups["kind"].Value, made.Groups["name"].Value, Unit().Match(made.Value).Groups[1].Value));
        }

        return names;
    }

    // As OpenTelemetry's exporter writes them.
    private static IEnumerable<string> Prometheus(string kind, string name, string unit)
    {
        var text = name.Replace('.', '_');
        var suffix = unit switch
        {
            "s" => "_seconds",
            "1" when !kind.Contains("Counter", StringComparison.Ordinal) => "_ratio",
            _ => "",
        };
        text = text.EndsWith(suffix, StringComparison.Ordinal) ? text : text + suffix;
        return kind switch
        {
            "Counter" or "ObservableCounter" => [text.EndsWith("_total", StringComparison.Ordinal) ? text : text + "_total"],
            "Histogram" => [text + "_bucket", text + "_sum", text + "_count"],
            _ => [text],
        };
    }

    // The name comes first; the rest of the statement may name a unit.
    [GeneratedRegex("""Create(?<kind>Counter|UpDownCounter|Histogram|Gauge|ObservableGauge|ObservableCounter|ObservableUpDownCounter)(<\w+>)?\(\s*"(?<name>[\w.]+)"[^;]*""")]
    private static partial Regex Instrument();

    [GeneratedRegex("""(?:, |unit: )"(s|1|\{[a-z]+\})"\s*[,)]""")]
    private static partial Regex Unit();

    [GeneratedRegex("\"[^\"]*\"")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\[[^\]]*\]|\b\d+[smhd]\b")]
    private static partial Regex Duration();

    [GeneratedRegex(@"\b(by|on|ignoring|without)\s*\([^)]*\)")]
    private static partial Regex Grouping();

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Labels();

    [GeneratedRegex(@"\b[a-zA-Z_:][a-zA-Z0-9_:]*\b")]
    private static partial Regex Identifier();
}
