using System.Collections.Frozen;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>What a message adds so that its reader need not look anything up.</summary>
internal static class SettingHints
{
    /// <summary>Where each key of the schema stands, by the key; the place is written as in the schema table.</summary>
    private static readonly FrozenDictionary<string, string[]> s_places = Places(TopologySchema.Root, "")
        .GroupBy(place => Spelling.Normalise(place.Key), place => place.Parent)
        .ToFrozenDictionary(places => places.Key, places => places.Distinct().ToArray());

    /// <summary>Tells what a key that is unknown in <paramref name="parent"/> may have been meant to be.</summary>
    /// <param name="parent">The mapping that has the key.</param>
    /// <param name="key">The key as it is written.</param>
    /// <param name="compare">Whether to look for similar keys, which takes its time.</param>
    public static string OfUnknownKey(Setting parent, string key, bool compare)
    {
        IEnumerable<string> known = parent.Schema.Children.Select(c => c.Name);
        if (parent.Path.Length == 0 && Spelling.Normalise(key) == "topology")
        {
            return $"; here its keys stand at the root: write {string.Join(", ", known.Take(3))} … without it";
        }

        // What a whole other block calls by this name is probably not what was meant here.
        string block = parent.Path.Split('.', '[')[0];
        string[] places = [.. s_places.GetValueOrDefault(Spelling.Normalise(key), []).Where(p => block.Length == 0 || p.StartsWith(block, StringComparison.Ordinal))];
        if (places.Length > 0)
        {
            return $"; it belongs to {string.Join(" or ", places)}";
        }

        return compare && Spelling.Suggest(key, known) is { } near ? $"; did you mean '{near}'?"
            : block.Length == 0 ? "; start keys of your own with 'x-'"
            : $"; known are {string.Join(", ", known)}";
    }

    /// <summary>Tells what must stand in the place of <paramref name="target"/>.</summary>
    public static string OfShape(Setting target, RawSetting source)
    {
        SchemaNode schema = target.Schema;
        if (schema.Kind == SchemaKind.Names)
        {
            return "must be a mapping of names";
        }

        if (schema.Kind == SchemaKind.List)
        {
            return schema.Item!.Kind == SchemaKind.Value && source.Kind == RawKind.Scalar
                ? $"must be a list; write [{SettingType.Shorten(source.Value!)}]"
                : "must be a list; begin each item with '- '";
        }

        // A key of an entry where the name of the entry belongs.
        string lost = schema.Name == "*" && schema.Find(target.Name) is not null ? $"; '{target.Name}' belongs below a name" : "";
        return $"must be a mapping of keys: {string.Join(", ", schema.Children.Select(c => c.Name))}{lost}";
    }

    private static IEnumerable<(string Key, string Parent)> Places(SchemaNode node, string path)
    {
        foreach (SchemaNode child in node.Children)
        {
            if (path.Length > 0)
            {
                yield return (child.Name, path);
            }

            string below = path.Length == 0 ? child.Name : $"{path}.{child.Name}";
            SchemaNode inside = child;
            if (child.Item is { } item)
            {
                below += child.Kind == SchemaKind.Names ? ".*" : "[]";
                inside = item;
            }

            foreach ((string Key, string Parent) place in Places(inside, below))
            {
                yield return place;
            }
        }
    }
}
