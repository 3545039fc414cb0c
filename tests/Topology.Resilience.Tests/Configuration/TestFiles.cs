using Microsoft.Extensions.Configuration;
using Topology.Resilience.Internal.Configuration;

namespace Topology.Resilience.Tests.Configuration;

/// <summary>A directory of its own for one test's files, gone with the test.</summary>
internal sealed class TestFiles : IDisposable
{
    public TestFiles() => Directory.CreateDirectory(Root);

    public string Root { get; } = Path.Combine(Path.GetTempPath(), $"topology-{Guid.NewGuid():N}");

    /// <summary>The specification, as handed over.</summary>
    public static string SpecPath => Path.Combine(AppContext.BaseDirectory, "TestData", "runtime-topology.md");

    /// <summary>The specification's YAML blocks as one file: every line where the specification has it.</summary>
    public static string SpecYaml { get; } = YamlText.FromMarkdown(File.ReadAllText(SpecPath));

    public string Write(string text, string name = "topology.yaml")
    {
        File.WriteAllText(Path.Combine(Root, name), text);
        return name;
    }

    /// <summary>Builds what a host has: the file, then what else the test adds.</summary>
    public ConfigurationManager Configuration(string text, Action<ConfigurationManager>? more = null)
    {
        var configuration = new ConfigurationManager();
        configuration.SetBasePath(Root);
        more?.Invoke(configuration);
        configuration.AddTopologyYaml(Write(text), reloadOnChange: false);
        return configuration;
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
