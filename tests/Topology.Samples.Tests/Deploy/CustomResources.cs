using k8s.Models;

namespace Topology.Samples.Tests.Deploy;

// The operators' resources, as far as the samples use them: a field that is not here is refused by the strict reader.
internal class CustomResource<TSpec>
{
    public string ApiVersion { get; set; } = "";

    public string Kind { get; set; } = "";

    public V1ObjectMeta Metadata { get; set; } = new();

    public TSpec Spec { get; set; } = default!;
}

internal sealed class ScaledObject : CustomResource<ScaledObject.SpecType>
{
    public sealed class SpecType
    {
        public TargetType ScaleTargetRef { get; set; } = new();

        public int? PollingInterval { get; set; }

        public int? CooldownPeriod { get; set; }

        public int? MinReplicaCount { get; set; }

        public int? MaxReplicaCount { get; set; }

        public FallbackType? Fallback { get; set; }

        public AdvancedType? Advanced { get; set; }

        public List<TriggerType> Triggers { get; set; } = [];
    }

    public sealed class TargetType
    {
        public string? ApiVersion { get; set; }

        public string? Kind { get; set; }

        public string Name { get; set; } = "";
    }

    public sealed class FallbackType
    {
        public int FailureThreshold { get; set; }

        public int Replicas { get; set; }
    }

    public sealed class AdvancedType
    {
        public AutoscalerType? HorizontalPodAutoscalerConfig { get; set; }
    }

    public sealed class AutoscalerType
    {
        public V2HorizontalPodAutoscalerBehavior? Behavior { get; set; }
    }

    public sealed class TriggerType
    {
        public string Type { get; set; } = "";

        public string? Name { get; set; }

        public Dictionary<string, string> Metadata { get; set; } = [];
    }
}

internal sealed class Gateway : CustomResource<Gateway.SpecType>
{
    public sealed class SpecType
    {
        public string GatewayClassName { get; set; } = "";

        public List<ListenerType> Listeners { get; set; } = [];
    }

    public sealed class ListenerType
    {
        public string Name { get; set; } = "";

        public string Protocol { get; set; } = "";

        public int Port { get; set; }

        public string? Hostname { get; set; }

        public TlsType? Tls { get; set; }

        public RoutesType? AllowedRoutes { get; set; }
    }

    public sealed class TlsType
    {
        public string? Mode { get; set; }

        public List<ReferenceType> CertificateRefs { get; set; } = [];
    }

    public sealed class ReferenceType
    {
        public string Name { get; set; } = "";
    }

    public sealed class RoutesType
    {
        public NamespacesType? Namespaces { get; set; }
    }

    public sealed class NamespacesType
    {
        public string? From { get; set; }
    }
}

internal sealed class HttpRoute : CustomResource<HttpRoute.SpecType>
{
    public sealed class SpecType
    {
        public List<ParentType> ParentRefs { get; set; } = [];

        public List<string>? Hostnames { get; set; }

        public List<RuleType> Rules { get; set; } = [];
    }

    public sealed class ParentType
    {
        public string Name { get; set; } = "";

        public string? SectionName { get; set; }
    }

    public sealed class RuleType
    {
        public List<MatchType> Matches { get; set; } = [];

        public List<FilterType> Filters { get; set; } = [];

        public List<BackendType> BackendRefs { get; set; } = [];

        public TimeoutsType? Timeouts { get; set; }
    }

    public sealed class MatchType
    {
        public PathType? Path { get; set; }
    }

    public sealed class PathType
    {
        public string Type { get; set; } = "";

        public string Value { get; set; } = "";
    }

    public sealed class FilterType
    {
        public string Type { get; set; } = "";

        public RedirectType? RequestRedirect { get; set; }
    }

    public sealed class RedirectType
    {
        public string? Scheme { get; set; }

        public int? StatusCode { get; set; }
    }

    public sealed class BackendType
    {
        public string Name { get; set; } = "";

        public int? Port { get; set; }
    }

    public sealed class TimeoutsType
    {
        public string? Request { get; set; }
    }
}

internal sealed class PodMonitor : CustomResource<PodMonitor.SpecType>
{
    public sealed class SpecType
    {
        public V1LabelSelector Selector { get; set; } = new();

        public List<EndpointType> PodMetricsEndpoints { get; set; } = [];
    }

    public sealed class EndpointType
    {
        public string Port { get; set; } = "";

        public string? Path { get; set; }

        public string? Interval { get; set; }

        public string? ScrapeTimeout { get; set; }
    }
}

internal sealed class PrometheusRule : CustomResource<PrometheusRule.SpecType>
{
    public sealed class SpecType
    {
        public List<GroupType> Groups { get; set; } = [];
    }

    public sealed class GroupType
    {
        public string Name { get; set; } = "";

        public List<RuleType> Rules { get; set; } = [];
    }

    public sealed class RuleType
    {
        public string Alert { get; set; } = "";

        public string Expr { get; set; } = "";

        public string? For { get; set; }

        public Dictionary<string, string> Labels { get; set; } = [];

        public Dictionary<string, string> Annotations { get; set; } = [];
    }
}

internal sealed class Issuer : CustomResource<Issuer.SpecType>
{
    public sealed class SpecType
    {
        public Dictionary<string, object>? SelfSigned { get; set; }
    }
}
