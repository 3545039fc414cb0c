using System.Globalization;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>Where a key or value was written.</summary>
/// <param name="Source">The file as named by the user, or the provider.</param>
/// <param name="Line">From 1; 0 where the source has no lines.</param>
/// <param name="Column">From 1; 0 where the source has no columns.</param>
/// <param name="RawKey">The key as that source spells it, where the source has no lines.</param>
internal sealed record SettingOrigin(string Source, int Line, int Column, string? RawKey = null)
{
    public static SettingOrigin Code { get; } = new("code", 0, 0);

    public override string ToString() =>
        Line > 0 ? string.Create(CultureInfo.InvariantCulture, $"{Source}({Line},{Column})") : Source;

    /// <summary>Returns where the value comes from, for people: <c>topology.yaml:14</c> or <c>environment Topology__a__b</c>.</summary>
    public string Describe() =>
        Line > 0 ? string.Create(CultureInfo.InvariantCulture, $"{Source}:{Line}") : RawKey is null ? Source : $"{Source} {RawKey}";
}
