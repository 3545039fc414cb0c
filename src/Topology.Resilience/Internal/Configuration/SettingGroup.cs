namespace Topology.Resilience.Internal.Configuration;

/// <summary>One row of the schema table.</summary>
/// <param name="Key">The key inside its group; a dot enters a mapping, <c>[]</c> at the end makes it a list of values.</param>
/// <param name="Type">How the value is read.</param>
/// <param name="Help">What it means, one sentence.</param>
/// <param name="Get">Reads the value from the options object, or <see langword="null"/> where no option holds it.</param>
/// <param name="Set">Writes the value to the options object.</param>
/// <param name="Required">Whether every entry must have it.</param>
/// <param name="Optional">Whether <c>null</c> may be written.</param>
/// <param name="Fallback">The default where no option holds it.</param>
internal sealed record SettingRow(
    string Key,
    SettingType Type,
    string Help,
    Func<object, object?>? Get,
    Action<object, object?>? Set,
    bool Required = false,
    bool Optional = false,
    string? Fallback = null)
{
    public bool IsList => Key.EndsWith("[]", StringComparison.Ordinal);
}

/// <summary>The rows that fill one options object.</summary>
internal abstract class SettingGroup(string path, SettingArea area, string help, string[] names)
{
    private readonly List<SettingRow> _rows = [];

    /// <summary>Gets where the group lies: <c>*</c> stands for a name, <c>[]</c> for the items of a list.</summary>
    public string Path => path;

    public SettingArea Area => area;

    public string Help => help;

    /// <summary>Gets the names that exist without being written.</summary>
    public IReadOnlyList<string> Names => names;

    public IReadOnlyList<SettingRow> Rows => _rows;

    /// <summary>Makes an options object with the defaults.</summary>
    public abstract object Defaults();

    /// <summary>Copies what was written to an options object; what is faulty or absent stays as it is.</summary>
    public void Apply(Setting node, object options)
    {
        foreach (SettingRow row in _rows)
        {
            Setting? setting = node.Find(row.Key);
            if (row.Set is null || setting is not { IsSet: true, IsFaulty: false })
            {
                continue;
            }

            row.Set(options, row.IsList ? setting.Children.Select(c => c.Parsed).OfType<string>().ToArray() : setting.Parsed);
        }
    }

    protected void Add(SettingRow row) => _rows.Add(row);
}

/// <inheritdoc/>
internal sealed class SettingGroup<TOptions>(string path, SettingArea area, string help, Func<TOptions> create, params string[] names)
    : SettingGroup(path, area, help, names)
    where TOptions : class
{
    public override object Defaults() => create();

    public SettingGroup<TOptions> Integer(string key, int min, int max, Func<TOptions, int> get, Action<TOptions, int> set, string help) =>
        Row(key, SettingType.Integer(min, max), help, o => get(o), (o, v) => set(o, (int)v!));

    public SettingGroup<TOptions> OptionalInteger(string key, int min, int max, Func<TOptions, int?> get, Action<TOptions, int?> set, string help) =>
        Row(key, SettingType.Integer(min, max), help, o => get(o), (o, v) => set(o, (int?)v), optional: true);

    public SettingGroup<TOptions> Number(string key, double min, double max, Func<TOptions, double> get, Action<TOptions, double> set, string help) =>
        Row(key, SettingType.Number(min, max), help, o => get(o), (o, v) => set(o, (double)v!));

    public SettingGroup<TOptions> Duration(
        string key, TimeSpan min, TimeSpan max, Func<TOptions, TimeSpan> get, Action<TOptions, TimeSpan> set, string help) =>
        Row(key, SettingType.Duration(min, max), help, o => get(o), (o, v) => set(o, (TimeSpan)v!));

    public SettingGroup<TOptions> OptionalDuration(
        string key, TimeSpan min, TimeSpan max, Func<TOptions, TimeSpan?> get, Action<TOptions, TimeSpan?> set, string help) =>
        Row(key, SettingType.Duration(min, max), help, o => get(o), (o, v) => set(o, (TimeSpan?)v), optional: true);

    public SettingGroup<TOptions> Boolean(string key, Func<TOptions, bool> get, Action<TOptions, bool> set, string help) =>
        Row(key, SettingType.Boolean, help, o => get(o), (o, v) => set(o, (bool)v!));

    public SettingGroup<TOptions> Bytes(string key, long min, Func<TOptions, long> get, Action<TOptions, long> set, string help) =>
        Row(key, SettingType.Bytes(min), help, o => get(o), (o, v) => set(o, (long)v!));

    public SettingGroup<TOptions> Text(
        string key, int maxLength, Func<TOptions, string> get, Action<TOptions, string> set, string help, bool required = false) =>
        Row(key, SettingType.Text(maxLength), help, o => get(o), (o, v) => set(o, (string)v!), required);

    public SettingGroup<TOptions> OptionalText(string key, int maxLength, Func<TOptions, string?> get, Action<TOptions, string?> set, string help) =>
        Row(key, SettingType.Text(maxLength), help, o => get(o), (o, v) => set(o, (string?)v), optional: true);

    public SettingGroup<TOptions> TextList(string key, int maxLength, Func<TOptions, IList<string>> get, string help) =>
        Row(
            key + "[]",
            SettingType.Text(maxLength),
            help,
            o => get(o),
            (o, v) =>
            {
                IList<string> list = get(o);
                list.Clear();
                foreach (string item in (string[])v!)
                {
                    list.Add(item);
                }
            });

    public SettingGroup<TOptions> Jitter(string key, Func<TOptions, Retry.RetryJitter> get, Action<TOptions, Retry.RetryJitter> set, string help) =>
        Row(key, SettingType.Jitter, help, o => get(o), (o, v) => set(o, (Retry.RetryJitter)v!));

    public SettingGroup<TOptions> Choice<T>(
        string key, (string Text, T Value)[] choices, Func<TOptions, T> get, Action<TOptions, T> set, string help)
        where T : notnull =>
        Row(key, SettingType.Choice(choices), help, o => get(o), (o, v) => set(o, (T)v!));

    public SettingGroup<TOptions> OptionalChoice<T>(
        string key, (string Text, T Value)[] choices, Func<TOptions, T?> get, Action<TOptions, T?> set, string help)
        where T : struct =>
        Row(key, SettingType.Choice(choices), help, o => get(o), (o, v) => set(o, (T?)v), optional: true);

    /// <summary>A key that is checked but that no option holds: it names the entry, or has one legal value.</summary>
    public SettingGroup<TOptions> Checked(string key, SettingType type, string help, bool required = false, string? fallback = null)
    {
        Add(new SettingRow(key, type, help, null, null, required, false, fallback));
        return this;
    }

    private SettingGroup<TOptions> Row(
        string key, SettingType type, string help, Func<TOptions, object?> get, Action<TOptions, object?> set, bool required = false, bool optional = false)
    {
        Add(new SettingRow(key, type, help, o => get((TOptions)o), (o, v) => set((TOptions)o, v), required, optional));
        return this;
    }
}
