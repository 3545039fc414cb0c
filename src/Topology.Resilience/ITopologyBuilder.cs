using Microsoft.Extensions.DependencyInjection;

namespace Topology.Resilience;

/// <summary>Says what this process does with the topology its configuration describes.</summary>
/// <remarks>Settings are read by every process; work starts only for what is registered through this builder.</remarks>
public interface ITopologyBuilder
{
    /// <summary>Gets the services.</summary>
    IServiceCollection Services { get; }
}
