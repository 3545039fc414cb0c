using System.Globalization;
using k8s.Models;
using Platform.ServiceDefaults;

namespace Topology.Samples.Tests.Deploy.Rules;

/// <summary>Who may open a connection to whom: what a network plugin makes of the NetworkPolicies.</summary>
internal sealed class Reachability
{
    public const string Dns = "dns";
    public const string Stranger = "stranger";
    public const string World = "world";
    private const string NameLabel = "app.kubernetes.io/name";

    private readonly List<V1NetworkPolicy> _policies;
    private readonly List<Peer> _peers;
    private readonly List<(int Port, string Protocol)> _ports;

    public Reachability(ManifestSet set)
    {
        _policies = [.. set.Of<V1NetworkPolicy>()];
        _peers =
        [
            .. set.Workloads.Select(workload => new Peer(workload.Name, ManifestSet.Namespace, workload.Labels, workload.Pod.Containers.SelectMany(container => container.Ports ?? [])
                .Where(port => port.Name is not null).ToDictionary(port => port.Name, port => port.ContainerPort))),
            // In production these come with their own charts, under the labels the policies go by.
            .. new[] { PlatformGraph.Nats, PlatformGraph.Redis }.Where(name => !set.Workloads.Any(workload => workload.Name == name)).Select(name => Named(name, ManifestSet.Namespace)),
            new(Stranger, ManifestSet.Namespace, new Dictionary<string, string> { [NameLabel] = Stranger }, []),
            new(Stranger, "default", new Dictionary<string, string> { [NameLabel] = "api-gateway" }, []),
            new(PlatformGraph.Client, set.Of<V1Ingress>().Any() ? "ingress-nginx" : "envoy-gateway-system", new Dictionary<string, string>(), []),
            Named(PlatformGraph.Prometheus, "monitoring"),
            Named(PlatformGraph.Telemetry, "monitoring"),
            Named(Stranger, "monitoring"),
            Named("keda-operator", "keda") with { Name = PlatformGraph.Autoscaler },
            new(Dns, "kube-system", new Dictionary<string, string> { ["k8s-app"] = "kube-dns" }, []),
            new(Stranger, "kube-system", new Dictionary<string, string>(), []),
            new(World, null, new Dictionary<string, string>(), []),
        ];
        var named = _policies.SelectMany(policy => (policy.Spec.Ingress ?? []).SelectMany(rule => rule.Ports ?? []).Concat((policy.Spec.Egress ?? []).SelectMany(rule => rule.Ports ?? [])))
            .Where(port => int.TryParse(port.Port?.Value, out _)).Select(port => (int.Parse(port.Port.Value, CultureInfo.InvariantCulture), port.Protocol ?? "TCP"));
        _ports = [.. named.Concat(_peers.SelectMany(peer => peer.Ports.Values).Select(port => (port, "TCP"))).Append((22, "TCP")).Distinct()];
    }

    /// <summary>Gets every connection that is allowed and has an end in the namespace.</summary>
    public HashSet<string> Allowed() =>
    [
        .. from source in _peers
           from target in _peers
           where source.Namespace == ManifestSet.Namespace || target.Namespace == ManifestSet.Namespace
           where source != target || source.Name is PlatformGraph.Nats or PlatformGraph.Redis
           from port in _ports
           where MayLeave(source, target, port) && MayEnter(source, target, port)
           select Edge(source.Name, target.Name, port.Port, port.Protocol),
    ];

    /// <summary>Gets every connection that the platform declares, its servers need among themselves, or the names of either need.</summary>
    public HashSet<string> Declared() =>
    [
        .. PlatformGraph.Calls.Select(call => Edge(call.From, call.To, call.Port, "TCP")),
        Edge(PlatformGraph.Nats, PlatformGraph.Nats, 6222, "TCP"),
        Edge(PlatformGraph.Redis, PlatformGraph.Redis, 6379, "TCP"),
        Edge(PlatformGraph.Redis, PlatformGraph.Redis, 16379, "TCP"),
        .. from peer in _peers
           where peer.Namespace == ManifestSet.Namespace
           from protocol in new[] { "TCP", "UDP" }
           select Edge(peer.Name, Dns, 53, protocol),
    ];

    private static string Edge(string source, string target, int port, string protocol) => $"{source} -> {target}:{port}/{protocol}";

    private static Peer Named(string name, string space) => new(name, space, new Dictionary<string, string> { [NameLabel] = name }, []);

    private bool MayLeave(Peer source, Peer target, (int, string) port)
    {
        var policies = Selecting(source, "Egress");
        return policies.Count == 0 || policies.Any(policy => (policy.Spec.Egress ?? []).Any(rule => Matches(rule.To, source, target) && Matches(rule.Ports, target, port)));
    }

    private bool MayEnter(Peer source, Peer target, (int, string) port)
    {
        var policies = Selecting(target, "Ingress");
        return policies.Count == 0 || policies.Any(policy => (policy.Spec.Ingress ?? []).Any(rule => Matches(rule.FromProperty, target, source) && Matches(rule.Ports, target, port)));
    }

    private List<V1NetworkPolicy> Selecting(Peer peer, string direction) =>
    [
        .. _policies.Where(policy => policy.Metadata.NamespaceProperty == peer.Namespace && WorkloadRules.Selects(policy.Spec.PodSelector, peer.Labels)
            && (policy.Spec.PolicyTypes?.Contains(direction) ?? (direction == "Ingress" || policy.Spec.Egress is not null))),
    ];

    // Nothing listed is everybody; the two selectors of one item are both meant, two items are either.
    private static bool Matches(IList<V1NetworkPolicyPeer>? peers, Peer self, Peer other) => peers is null or [] || peers.Any(peer =>
        peer.IpBlock is not null
            ? other.Namespace is null
            : (peer.NamespaceSelector is null
                ? other.Namespace == self.Namespace
                : other.Namespace is not null && WorkloadRules.Selects(peer.NamespaceSelector, new Dictionary<string, string> { ["kubernetes.io/metadata.name"] = other.Namespace }))
              && (peer.PodSelector is null || WorkloadRules.Selects(peer.PodSelector, other.Labels)));

    private static bool Matches(IList<V1NetworkPolicyPort>? ports, Peer target, (int Port, string Protocol) asked) => ports is null or [] || ports.Any(port =>
        (port.Protocol ?? "TCP") == asked.Protocol
        && (port.Port is null
            || (int.TryParse(port.Port.Value, out var number) ? number == asked.Port : target.Ports.TryGetValue(port.Port.Value, out var named) && named == asked.Port)));

    private sealed record Peer(string Name, string? Namespace, IDictionary<string, string> Labels, Dictionary<string, int> Ports);
}
