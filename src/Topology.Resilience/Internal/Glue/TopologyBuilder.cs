using Microsoft.Extensions.DependencyInjection;

namespace Topology.Resilience.Internal;

internal sealed class TopologyBuilder(IServiceCollection services) : ITopologyBuilder
{
    public IServiceCollection Services => services;
}
