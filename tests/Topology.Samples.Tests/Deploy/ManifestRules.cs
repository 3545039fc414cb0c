using Topology.Samples.Tests.Deploy.Rules;

namespace Topology.Samples.Tests.Deploy;

/// <summary>What must be true of manifests and no schema knows. A rule has one name, under which it finds.</summary>
internal static class ManifestRules
{
    public static IReadOnlyList<Finding> Check(ManifestSet set) =>
    [
        .. set.Unreadable,
        .. WorkloadRules.Check(set),
        .. PodRules.Check(set),
        .. ProbeRules.Check(set),
        .. ScalingRules.Check(set),
        .. RouteRules.Check(set),
        .. NetworkRules.Check(set),
        .. MonitoringRules.Check(set),
    ];
}
