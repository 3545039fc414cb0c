using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Topology.Resilience;

namespace Microsoft.Extensions.Hosting;

/// <summary>Adds the topology to a host in one line.</summary>
public static class TopologyHostApplicationBuilderExtensions
{
    /// <summary>Reads <c>topology.yaml</c> beside the application and adds everything a service of the topology needs.</summary>
    /// <param name="builder">The host's builder.</param>
    /// <returns>A builder for what this process registers.</returns>
    /// <exception cref="TopologyConfigurationException">The file is missing or cannot be read at all.</exception>
    public static ITopologyBuilder AddTopologyResilience(this IHostApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Configuration.AddTopologyYaml("topology.yaml");
        return builder.Services.AddTopologyResilience(builder.Configuration);
    }
}
