namespace Topology.Resilience.Internal.Configuration;

internal enum RawKind
{
    Scalar,
    Mapping,
    Sequence,
}

/// <summary>A node as one source wrote it, before keys are resolved against the schema. Nodes are shared where YAML aliases repeat them.</summary>
/// <param name="Kind">What was written.</param>
/// <param name="Value">The text of a scalar; <see langword="null"/> where nothing or <c>null</c> was written.</param>
/// <param name="Origin">Where the value begins.</param>
/// <param name="Children">The entries of a mapping, or the items of a sequence under the keys 0, 1, ….</param>
/// <param name="Size">The nodes in this tree with every alias written out.</param>
internal sealed record RawSetting(RawKind Kind, string? Value, SettingOrigin Origin, IReadOnlyList<RawEntry> Children, long Size = 1);

internal sealed record RawEntry(string Key, SettingOrigin KeyOrigin, RawSetting Node);
