namespace Topology.Resilience.Internal.Configuration;

internal enum SchemaKind
{
    /// <summary>A mapping with known keys.</summary>
    Section,

    /// <summary>A mapping whose keys are names the user chooses.</summary>
    Names,

    /// <summary>A list of mappings or values.</summary>
    List,

    /// <summary>One value.</summary>
    Value,

    /// <summary>Read and passed on; not looked into.</summary>
    Free,
}

/// <summary>The schema table as a tree, for walking beside what was written.</summary>
internal sealed class SchemaNode(string name, SchemaKind kind, SettingArea area)
{
    private readonly Dictionary<string, SchemaNode> _children = new(StringComparer.Ordinal);

    public string Name => name;

    public SchemaKind Kind => kind;

    public SettingArea Area => area;

    /// <summary>Gets the row of a value.</summary>
    public SettingRow? Row { get; init; }

    /// <summary>Gets the keys of a section.</summary>
    public IEnumerable<SchemaNode> Children => _children.Values.Distinct();

    /// <summary>Gets what the entries of a <see cref="SchemaKind.Names"/> or <see cref="SchemaKind.List"/> are.</summary>
    public SchemaNode? Item { get; set; }

    /// <summary>Gets the names that exist without being written.</summary>
    public IReadOnlyList<string> Names { get; set; } = [];

    public SchemaNode? Find(string key) => _children.GetValueOrDefault(Spelling.Normalise(key));

    public SchemaNode Add(SchemaNode child, params ReadOnlySpan<string> aliases)
    {
        _children.Add(Spelling.Normalise(child.Name), child);
        foreach (string alias in aliases)
        {
            _children.Add(Spelling.Normalise(alias), child);
        }

        return child;
    }
}
