namespace Topology.Samples.Tests.Deploy.Rules;

/// <summary>What may be reached is what the platform declares: nothing less, nothing more.</summary>
internal static class NetworkRules
{
    public static IEnumerable<Finding> Check(ManifestSet set)
    {
        var reachability = new Reachability(set);
        var allowed = reachability.Allowed();
        var declared = reachability.Declared();
        return
        [
            .. allowed.Except(declared).Order().Select(edge => new Finding("network", $"{edge} is allowed and not declared")),
            .. declared.Except(allowed).Order().Select(edge => new Finding("network", $"{edge} is declared and not allowed")),
        ];
    }
}
