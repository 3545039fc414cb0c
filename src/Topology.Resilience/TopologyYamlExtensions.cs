using Topology.Resilience.Internal.Configuration;

namespace Microsoft.Extensions.Configuration;

/// <summary>Adds <c>topology.yaml</c> to the configuration.</summary>
public static class TopologyYamlExtensions
{
    /// <summary>Adds a topology file below every other source, so that appsettings, environment and command line win over it.</summary>
    /// <param name="builder">The configuration to add to.</param>
    /// <param name="path">
    /// The file. A relative path is looked for under the builder's base path (a host's content root), then beside the application. Of a
    /// Markdown file (<c>.md</c>) the fenced <c>yaml</c> blocks are read.
    /// </param>
    /// <param name="optional">Whether the file may be missing.</param>
    /// <param name="reloadOnChange">Whether a changed file is read again. A change with errors is logged and not applied.</param>
    /// <returns><paramref name="builder"/>.</returns>
    /// <exception cref="Topology.Resilience.TopologyConfigurationException">
    /// The file is missing, not UTF-8 or not YAML. Thrown when the configuration is built, which a <see cref="ConfigurationManager"/> does
    /// at once. Wrong keys and values are reported at the host's start, together with those of every other source.
    /// </exception>
    /// <remarks>
    /// The file's keys appear under the section <c>Topology</c>, spelled as in the file. Several files are added in order, the later wins;
    /// adding one twice is adding it once.
    /// </remarks>
    public static IConfigurationBuilder AddTopologyYaml(
        this IConfigurationBuilder builder, string path, bool optional = false, bool reloadOnChange = true)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(path);
        int last = -1;
        for (int i = 0; i < builder.Sources.Count; i++)
        {
            if (builder.Sources[i] is TopologyYamlSource source)
            {
                if (source.Path == path)
                {
                    return builder;
                }

                last = i;
            }
        }

        builder.Sources.Insert(last + 1, new TopologyYamlSource(path, optional, reloadOnChange));
        return builder;
    }
}
