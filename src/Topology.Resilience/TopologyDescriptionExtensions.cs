using Microsoft.Extensions.DependencyInjection;
using Topology.Resilience.Internal.Configuration;

namespace Microsoft.Extensions.Hosting;

/// <summary>Tells what a host's topology settings amount to.</summary>
public static class TopologyDescriptionExtensions
{
    /// <summary>Writes the effective settings, where each came from, each profile's waits, and what this process registers.</summary>
    /// <param name="host">A built host; it need not run.</param>
    /// <returns>Text for people, many lines; its form is not a contract. It holds no connection strings.</returns>
    /// <exception cref="Topology.Resilience.TopologyConfigurationException">The settings have errors.</exception>
    /// <exception cref="InvalidOperationException">The host has no topology: <c>AddTopologyResilience</c> was not called.</exception>
    public static string DescribeTopology(this IHost host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return new TopologyDescription(host.Services).Write();
    }
}
