namespace Topology.Resilience.Internal.Configuration;

/// <summary>All settings after reading, with what is wrong in each place. Immutable once read.</summary>
/// <param name="Root">The settings.</param>
/// <param name="Diagnostics">What each single key or value has wrong.</param>
/// <param name="Sources">The files and other providers in the order they are read.</param>
internal sealed record SettingsTree(Setting Root, IReadOnlyList<TopologyDiagnostic> Diagnostics, IReadOnlyList<string> Sources)
{
    /// <summary>Returns the entries of a mapping of names or of a list.</summary>
    public IReadOnlyList<Setting> Entries(string key) => Root.Find(key)?.Children ?? [];

    /// <summary>Puts findings in the order of the files and their lines, those without a line last.</summary>
    public IReadOnlyList<TopologyDiagnostic> InFileOrder(IEnumerable<TopologyDiagnostic> diagnostics)
    {
        string[] sources = [.. Sources];
        return
        [
            .. diagnostics
                .OrderBy(d => d.Line > 0 ? 0 : 1)
                .ThenBy(d => Array.IndexOf(sources, d.File) is var index && index < 0 ? int.MaxValue : index)
                .ThenBy(d => d.Line)
                .ThenBy(d => d.Column),
        ];
    }
}
