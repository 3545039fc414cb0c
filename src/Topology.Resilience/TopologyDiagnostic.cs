using System.Globalization;
using Topology.Resilience.Internal.Configuration;

namespace Topology.Resilience;

/// <summary>One finding in the settings: where it is, and what to do about it.</summary>
/// <remarks>Immutable and safe to share between threads.</remarks>
public sealed class TopologyDiagnostic
{
    internal TopologyDiagnostic(TopologyDiagnosticSeverity severity, int code, SettingOrigin origin, string key, string text)
    {
        Severity = severity;
        Code = string.Create(CultureInfo.InvariantCulture, $"TOPO{code}");
        Origin = origin;
        Key = OneLine(key);
        Text = OneLine(text);
    }

    /// <summary>Gets whether this stops the host.</summary>
    public TopologyDiagnosticSeverity Severity { get; }

    /// <summary>Gets the code, such as <c>TOPO1001</c>; <c>docs/configuration.md</c> lists them.</summary>
    public string Code { get; }

    /// <summary>Gets the file as it was named in <c>AddTopologyYaml</c>, or the provider, such as <c>environment</c>.</summary>
    public string File => Origin.Source;

    /// <summary>Gets the line, from 1; 0 where the provider knows no lines.</summary>
    public int Line => Origin.Line;

    /// <summary>Gets the column, from 1; 0 where the provider knows no columns.</summary>
    public int Column => Origin.Column;

    /// <summary>Gets the setting, such as <c>retry_config.api_calls.max_attempts</c>, or an empty text for a whole file.</summary>
    public string Key { get; }

    /// <summary>Gets what is wrong and what is expected.</summary>
    public string Text { get; }

    internal SettingOrigin Origin { get; }

    /// <summary>Returns the finding on one line, in the form compilers use, which editors and terminals link to the place.</summary>
    /// <returns>Such as <c>topology.yaml(14,17): error TOPO1001: retry_config.api_calls.max_attempts must be 1..100 (was 0)</c>.</returns>
    public override string ToString() => $"{Origin}: {Word(Severity)} {Code}: {Text}";

    private static string Word(TopologyDiagnosticSeverity severity) => severity switch
    {
        TopologyDiagnosticSeverity.Error => "error",
        TopologyDiagnosticSeverity.Warning => "warning",
        _ => "info",
    };

    /// <summary>What a file holds must not steer the terminal it is printed on, nor look like a second finding.</summary>
    private static string OneLine(string text) =>
        text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? '\uFFFD' : c)) : text;
}
