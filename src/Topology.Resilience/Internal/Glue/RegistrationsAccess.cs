using Microsoft.Extensions.DependencyInjection;
using Topology.Resilience.Internal.Configuration;

namespace Topology.Resilience.Internal;

internal static class RegistrationsAccess
{
    /// <summary>The one list of what this process has registered; it is there as soon as there is a builder.</summary>
    public static TopologyRegistrations Registrations(this ITopologyBuilder builder) =>
        (TopologyRegistrations)builder.Services.First(service => service.ServiceType == typeof(TopologyRegistrations)).ImplementationInstance!;
}
