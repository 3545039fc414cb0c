namespace Topology.Samples.Tests.Deploy;

/// <summary>One change of a rendered manifest that makes it wrong.</summary>
/// <param name="Name">What was done.</param>
/// <param name="Rule">The rule that finds it.</param>
/// <param name="Overlay">Where it is planted.</param>
/// <param name="Target">The object, as Kind/name; <see langword="null"/> adds one.</param>
/// <param name="What">The text to replace, a regular expression; <see langword="null"/> takes the object away.</param>
/// <param name="With">What stands there instead.</param>
internal sealed record Fault(string Name, string Rule, string Overlay, string? Target, string? What, string With);

internal static class SeededFaults
{
    private const string Prod = Rendered.Prod;
    private const string Legacy = Rendered.Legacy;

    /// <summary>What the specification's YAML says that Kubernetes, or an operator, does not read or reads otherwise.</summary>
    private static readonly Fault[] OfTheSpecification =
    [
        new("type: LoadBalancer on an Ingress", "schema", Legacy, "Ingress/api-gateway", "^  ingressClassName: nginx", "  type: LoadBalancer\n  ingressClassName: nginx"),
        new("a Service open to the outside", "service", Prod, "Service/api-gateway", "^spec:", "spec:\n  type: LoadBalancer"),
        new("tls.enabled", "schema", Prod, "Gateway/topology", "^      mode: Terminate", "      enabled: true"),
        new("rate-limit annotation", "annotations", Legacy, "Ingress/api-gateway", "limit-rpm", "rate-limit"),
        new("rate-limit-window annotation", "annotations", Legacy, "Ingress/realtime", "proxy-send-timeout: \"3600\"", "rate-limit-window: 1m"),
        new("a star in the path of a route", "routes", Prod, "HTTPRoute/api-gateway", "/api/v1", "/api/v1/*"),
        new("a star in the path of an Ingress", "routes", Legacy, "Ingress/realtime", "path: /ws", "path: /ws/*"),
        new("session affinity by client address", "service", Prod, "Service/realtime", "^spec:", "spec:\n  sessionAffinity: ClientIP"),
        new("a heartbeat longer than the proxy's patience", "routes", Legacy, "Ingress/realtime", "proxy-read-timeout: \"3600\"", "proxy-read-timeout: \"30\""),
        new("KEDA trigger of type nats", "keda", Prod, "ScaledObject/ingestion", "type: nats-jetstream", "type: nats"),
        new("monitoring endpoint with a scheme", "keda", Prod, "ScaledObject/ingestion", "natsServerMonitoringEndpoint: .*", "natsServerMonitoringEndpoint: nats://nats:8222"),
        new("queueGroup in place of stream and consumer", "keda", Prod, "ScaledObject/ingestion", "consumer: ingestion", "queueGroup: ingestion"),
        new("queueLength in place of lagThreshold", "keda", Prod, "ScaledObject/ingestion", "lagThreshold: \"5\"", "queueLength: \"5\""),
        new("a number in KEDA's metadata", "strings", Prod, "ScaledObject/ingestion", "lagThreshold: \"5\"", "lagThreshold: 5"),
        new("a stream named with dots", "names", Prod, "ScaledObject/orchestrator", "stream: AGENT_RUN_REQUESTED", "stream: agent.run.requested"),
        new("scaleUp beside the triggers", "schema", Prod, "ScaledObject/ingestion", "^  pollingInterval: 10", "  pollingInterval: 10\n  scaleUp:\n    stabilizationWindowSeconds: 60"),
        new("minReplicas on a ScaledObject", "schema", Prod, "ScaledObject/orchestrator", "minReplicaCount", "minReplicas"),
        new("minReplicaCount on a HorizontalPodAutoscaler", "schema", Prod, "HorizontalPodAutoscaler/realtime", "minReplicas", "minReplicaCount"),
        new("metrics without a target", "schema", Prod, "HorizontalPodAutoscaler/realtime", "scaleTargetRef", "scale_target_ref"),
        new("memory as a target with a heap that only grows", "memory", Prod, "Deployment/api-gateway", "value: 3C", "value: 4B"),
        new("http_get", "schema", Prod, "Deployment/router-service", "httpGet", "http_get"),
        new("initial_delay_seconds", "schema", Prod, "Deployment/api-gateway", "initialDelaySeconds", "initial_delay_seconds"),
        new("a service without a liveness probe", "probes", Prod, "Deployment/router-service", @"        livenessProbe:\n(          .*\n)+", ""),
        new("a service without any probe", "probes", Prod, "Deployment/ingestion", @"        (liveness|readiness|startup)Probe:\n(          .*\n)+", ""),
        new("a namespace by a label nobody sets", "network", Prod, "NetworkPolicy/gateway-to-api-gateway", "kubernetes.io/metadata.name: .*", "name: envoy-gateway-system"),
        new("no name resolution", "network", Prod, "NetworkPolicy/dns", null, ""),
        new("no way to NATS", "network", Prod, "NetworkPolicy/orchestrator", "port: 4222", "port: 4223"),
        new("no way to Redis", "network", Prod, "NetworkPolicy/redis", "name: ingestion", "name: ingester"),
        new("nothing denied by default", "network", Prod, "NetworkPolicy/default-deny", null, ""),
        new("a service without a policy", "network", Prod, "NetworkPolicy/realtime", null, ""),
        new("api-gateway may call orchestrator", "network", Prod, "NetworkPolicy/api-gateway", @"name: router-service", "name: orchestrator"),
        new("KEDA cannot read what waits", "network", Prod, "NetworkPolicy/keda-to-nats", null, ""),
        new("Prometheus cannot scrape", "network", Prod, "NetworkPolicy/prometheus-to-services", "port: mgmt", "port: http"),
    ];

    private static readonly Fault[] Others =
    [
        new("either selector in place of both", "network", Prod, "NetworkPolicy/dns", @"^      podSelector:", "    - podSelector:"),
        new("a way out to everywhere", "network", Prod, "NetworkPolicy/realtime", "^  egress:", "  egress:\n  - to:\n    - ipBlock:\n        cidr: 0.0.0.0/0"),
        new("a rule without ports", "network", Prod, "NetworkPolicy/gateway-to-realtime", @"    ports:\n    - port: 8001\n      protocol: TCP\n", ""),
        new("an image by no version", "image", Prod, "Deployment/realtime", "image: .*", "image: topology/realtime:latest"),
        new("an image by half a version", "image", Rendered.Dev, "StatefulSet/redis", "image: .*", "image: redis:7"),
        new("replicas beside an autoscaler", "autoscaler", Prod, "Deployment/realtime", "^spec:", "spec:\n  replicas: 3"),
        new("an autoscaler for nobody", "autoscaler", Prod, "HorizontalPodAutoscaler/realtime", "    name: realtime", "    name: real-time"),
        new("two autoscalers for one service", "autoscaler", Prod, null, null, """
            apiVersion: autoscaling/v2
            kind: HorizontalPodAutoscaler
            metadata:
              name: orchestrator
              namespace: topology
            spec:
              scaleTargetRef:
                apiVersion: apps/v1
                kind: Deployment
                name: orchestrator
              minReplicas: 2
              maxReplicas: 20
              metrics: []
            """.Replace("orchestrator", "api-gateway", StringComparison.Ordinal)),
        new("another most", "numbers", Prod, "HorizontalPodAutoscaler/router-service", "maxReplicas: 10", "maxReplicas: 12"),
        new("another target", "numbers", Prod, "HorizontalPodAutoscaler/router-service", "averageUtilization: 60", "averageUtilization: 70"),
        new("another threshold", "numbers", Prod, "ScaledObject/orchestrator", "lagThreshold: \"10\"", "lagThreshold: \"100\""),
        new("another pace", "numbers", Prod, "ScaledObject/orchestrator", "value: 2", "value: 4"),
        new("no answer to an outage of the monitor", "keda", Prod, "ScaledObject/orchestrator", @"  fallback:\n    failureThreshold: 3\n    replicas: 4\n", ""),
        new("a consumer nobody made", "names", Prod, "ScaledObject/ingestion", "consumer: ingestion", "consumer: ingester"),
        new("one trigger of two", "names", Prod, "ScaledObject/orchestrator", @"TOPOLOGY_SAGA_ITEMS", "AGENT_RUN_REQUESTED"),
        new("a selector that takes in others", "selector", Prod, "Deployment/realtime", @"matchLabels:\n      app.kubernetes.io/name: realtime", "matchLabels:\n      app.kubernetes.io/part-of: topology"),
        new("a selector that misses its own", "selector", Prod, "Deployment/realtime", @"matchLabels:\n      app.kubernetes.io/name: realtime", "matchLabels:\n      app.kubernetes.io/name: real-time"),
        new("a Service for nobody", "service", Prod, "Service/realtime", @"selector:\n    app.kubernetes.io/name: realtime", "selector:\n    app.kubernetes.io/name: real-time"),
        new("a Service to no port", "service", Prod, "Service/realtime", "targetPort: http", "targetPort: web"),
        new("a Service that offers the management port", "monitor", Prod, "Service/router-service", "targetPort: http", "targetPort: mgmt"),
        new("no disruption allowed", "disruption", Prod, "PodDisruptionBudget/ingestion", "maxUnavailable: 1", "maxUnavailable: 0"),
        new("no disruption budget", "disruption", Prod, "PodDisruptionBudget/orchestrator", null, ""),
        new("killed while draining", "grace", Prod, "Deployment/orchestrator", "terminationGracePeriodSeconds: 45", "terminationGracePeriodSeconds: 20"),
        new("draining twice", "grace", Prod, "Deployment/api-gateway", "^        name: service", "        lifecycle:\n          preStop:\n            sleep:\n              seconds: 10\n        name: service"),
        new("root", "security", Prod, "Deployment/realtime", "runAsNonRoot: true", "runAsNonRoot: false"),
        new("more privileges", "security", Prod, "Deployment/realtime", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"),
        new("a writable image", "security", Rendered.Dev, "StatefulSet/nats", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
        new("a token of the API server", "security", Prod, "Deployment/ingestion", "automountServiceAccountToken: false", "automountServiceAccountToken: true"),
        new("a namespace that enforces nothing", "security", Prod, "Namespace/topology", "enforce: restricted", "enforce: baseline"),
        new("a cpu limit", "resources", Prod, "Deployment/ingestion", "          limits:", "          limits:\n            cpu: 500m"),
        new("no request", "resources", Prod, "Deployment/ingestion", "            cpu: 250m\n", ""),
        new("settings that are not there", "reference", Prod, "ConfigMap/topology-settings", null, ""),
        new("an account that is not there", "reference", Prod, "ServiceAccount/realtime", null, ""),
        new("a slower liveness probe than the options say", "probes", Prod, "Deployment/orchestrator", "periodSeconds: 30", "periodSeconds: 60"),
        new("a probe of another port", "probes", Prod, "Deployment/realtime", "port: 8001", "port: 8000"),
        new("a server restarted while it recovers", "probes", Rendered.Dev, "StatefulSet/nats", @"/healthz\?js-enabled-only=true", "/healthz"),
        new("a route to no port", "routes", Prod, "HTTPRoute/realtime", "port: 8001", "port: 8000"),
        new("a route on no listener", "routes", Prod, "HTTPRoute/realtime", "sectionName: https", "sectionName: tls"),
        new("a socket cut by the request timeout", "routes", Prod, "HTTPRoute/realtime", "request: 0s", "request: 15s"),
        new("a port that does not speak WebSocket", "routes", Prod, "Service/realtime", "  - appProtocol: kubernetes.io/ws\n    name", "  - name"),
        new("an answer without TLS", "tls", Prod, "HTTPRoute/api-gateway", "sectionName: https", "sectionName: http"),
        new("no redirect to TLS", "tls", Prod, "HTTPRoute/redirect-to-https", null, ""),
        new("TLS that is not ended", "tls", Prod, "Gateway/topology", "mode: Terminate", "mode: Passthrough"),
        new("a certificate nobody issues", "tls", Rendered.Dev, "Issuer/self-signed", null, ""),
        new("a certificate for another host", "tls", Legacy, "Ingress/realtime", "  - hosts:\n    - topology.example.com", "  - hosts:\n    - example.com"),
        new("no address of Redis", "environment", Prod, "Deployment/ingestion", "name: ConnectionStrings__redis", "name: ConnectionStrings__cache"),
        new("a router at the wrong port", "environment", Prod, "Deployment/orchestrator", "http://router-service:8000", "http://router-service:80"),
        new("no management port", "environment", Prod, "ConfigMap/topology-settings", "ManagementPort: \"9090\"", "ManagementPort: \"9000\""),
        new("a port of another number", "ports", Prod, "Deployment/router-service", "containerPort: 8000", "containerPort: 8080"),
        new("a service left out", "services", Prod, "Deployment/ingestion", null, ""),
        new("spread together with others", "spread", Prod, "Deployment/realtime", @"        - app.kubernetes.io/name\n", ""),
        new("the same object twice", "identity", Prod, null, null, "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: realtime\n  namespace: topology\n"),
        new("an object in another namespace", "namespace", Prod, "ServiceAccount/realtime", "namespace: topology", "namespace: default"),
        new("metrics read at the wrong port", "monitor", Prod, "PodMonitor/topology", "port: mgmt", "port: http"),
        new("metrics of nobody", "monitor", Prod, "PodMonitor/topology", "part-of: topology", "part-of: platform"),
        new("a metric the adapter does not offer", "metrics", Prod, "ConfigMap/topology-adapter-rules", "as: ws_active_connections", "as: ws_connections"),
        new("a metric no service exports", "metrics", Prod, "PrometheusRule/topology", "queue_depth", "queue_length"),
        new("a panel of nothing", "metrics", Prod, "ConfigMap/topology-dashboard", "topology_saga_active", "topology_saga_running"),
        new("a metric of the specification not shown", "dashboard", Prod, "ConfigMap/topology-dashboard", "idempotency_hits_total", "topology_idempotency_seals_total"),
        new("an alert nobody can rank", "alerts", Prod, "PrometheusRule/topology", "severity: warning", "severity: medium"),
        new("an alert that adds up what pods repeat", "alerts", Prod, "PrometheusRule/topology", @"max by \(queue\) \(queue_depth\)", "sum by (queue) (queue_depth)"),
    ];

    public static IEnumerable<Fault> All => OfTheSpecification.Concat(Others);
}
