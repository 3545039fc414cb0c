using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.CommandLine;
using Microsoft.Extensions.Configuration.EnvironmentVariables;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>Reads the section <c>Topology</c> of any configuration provider, and tells where it keeps a key.</summary>
internal static class ProviderLayer
{
    public static IEnumerable<IConfigurationProvider> Providers(IConfiguration configuration) =>
        configuration is IConfigurationRoot root
            ? root.Providers.SelectMany(p => p is ChainedConfigurationProvider chained ? Providers(chained.Configuration) : [p])
            : [new OneConfiguration(configuration)];

    public static RawSetting? Read(IConfigurationProvider provider)
    {
        RawSetting layer = Node(provider, TopologyYamlProvider.Section, 0);
        return layer.Kind == RawKind.Mapping ? layer : null;
    }

    private static RawSetting Node(IConfigurationProvider provider, string path, int depth)
    {
        SettingOrigin origin = OriginOf(provider, path);
        string[] keys = depth > YamlTree.MaxDepth ? [] : [.. provider.GetChildKeys([], path).Distinct(StringComparer.OrdinalIgnoreCase)];
        if (keys.Length == 0)
        {
            provider.TryGet(path, out string? value);
            return new RawSetting(RawKind.Scalar, value, origin, []);
        }

        var entries = new List<RawEntry>(keys.Length);
        foreach (string key in keys)
        {
            string child = ConfigurationPath.Combine(path, key);
            entries.Add(new RawEntry(key, OriginOf(provider, child), Node(provider, child, depth + 1)));
        }

        return new RawSetting(keys.All(k => k.All(char.IsAsciiDigit)) ? RawKind.Sequence : RawKind.Mapping, null, origin, entries);
    }

    private static SettingOrigin OriginOf(IConfigurationProvider provider, string path) => provider switch
    {
        FileConfigurationProvider { Source.Path: { } file } => new SettingOrigin(file, 0, 0, path),
        EnvironmentVariablesConfigurationProvider => new SettingOrigin("environment", 0, 0, path.Replace(":", "__", StringComparison.Ordinal)),
        CommandLineConfigurationProvider => new SettingOrigin("command line", 0, 0, $"--{path}"),
        OneConfiguration => new SettingOrigin("configuration", 0, 0, path),
        _ => new SettingOrigin(provider.GetType().Name.Replace("ConfigurationProvider", "", StringComparison.Ordinal).ToLowerInvariant(), 0, 0, path),
    };

    /// <summary>A configuration that does not show its providers, as one provider.</summary>
    private sealed class OneConfiguration(IConfiguration configuration) : ConfigurationProvider
    {
        public override bool TryGet(string key, out string? value)
        {
            value = configuration[key];
            return value is not null;
        }

        public override IEnumerable<string> GetChildKeys(IEnumerable<string> earlierKeys, string? parentPath) =>
            configuration.GetSection(parentPath!).GetChildren().Select(c => c.Key);
    }
}
