namespace Topology.Resilience.Internal.Configuration;

/// <summary>A setting after all sources were laid over each other: the winning value and where it was written.</summary>
internal sealed class Setting(string name, string path, SchemaNode schema, SettingOrigin keyOrigin)
{
    private readonly List<Setting> _children = [];

    public string Name => name;

    /// <summary>Gets the full name, such as <c>dlq_config.streams[0].max_age</c>.</summary>
    public string Path => path;

    public SchemaNode Schema => schema;

    /// <summary>Gets where the key was first written.</summary>
    public SettingOrigin KeyOrigin { get; } = keyOrigin;

    /// <summary>Gets or sets where the winning value was written.</summary>
    public SettingOrigin Origin { get; set; } = keyOrigin;

    /// <summary>Gets or sets whether a source wrote a value.</summary>
    public bool IsSet { get; set; }

    /// <summary>Gets or sets whether what was written here cannot be used.</summary>
    public bool IsFaulty { get; set; }

    /// <summary>Gets or sets the winning value.</summary>
    public object? Parsed { get; set; }

    /// <summary>Gets or sets the winning value as it was written.</summary>
    public string? Written { get; set; }

    public IReadOnlyList<Setting> Children => _children;

    /// <summary>Gets whether this or anything below cannot be used.</summary>
    public bool HasFaults => IsFaulty || _children.Any(c => c.HasFaults);

    public void Add(Setting child) => _children.Add(child);

    public void Clear() => _children.Clear();

    public Setting? Child(string childName) => _children.Find(c => c.Name == childName);

    /// <summary>Finds a setting by the key of its row.</summary>
    public Setting? Find(string key)
    {
        Setting? node = this;
        foreach (string part in key.Split('.'))
        {
            node = node?.Child(part.EndsWith("[]", StringComparison.Ordinal) ? part[..^2] : part);
        }

        return node;
    }

    /// <summary>Returns a text that differs when any value below differs.</summary>
    public string Fingerprint() => _children.Count == 0
        ? $"{name}={(Parsed is null || schema.Row is null ? "" : schema.Row.Type.Write(Parsed))};"
        : $"{name}{{{string.Concat(_children.Select(c => c.Fingerprint()))}}}";
}
