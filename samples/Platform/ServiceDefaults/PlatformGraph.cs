namespace Platform.ServiceDefaults;

/// <summary>Who calls whom. Network policies allow these connections, and name resolution, and nothing else.</summary>
public static class PlatformGraph
{
    /// <summary>Whoever is outside.</summary>
    public const string Client = "client";

    /// <summary>The NATS servers.</summary>
    public const string Nats = "nats";

    /// <summary>The Redis servers.</summary>
    public const string Redis = "redis";

    /// <summary>What scrapes metrics.</summary>
    public const string Prometheus = "prometheus";

    /// <summary>What collects traces.</summary>
    public const string Telemetry = "otel-collector";

    /// <summary>What reads the backlog of consumers to scale by it.</summary>
    public const string Autoscaler = "keda";

    /// <summary>Gets the services, in the order of the specification.</summary>
    public static IReadOnlyList<string> Services { get; } =
    [
        PlatformNames.ApiGateway, PlatformNames.Orchestrator, PlatformNames.RouterService, PlatformNames.Realtime, PlatformNames.Ingestion,
    ];

    /// <summary>Gets the services that read or write streams.</summary>
    public static IReadOnlyList<string> NatsClients { get; } =
        [PlatformNames.ApiGateway, PlatformNames.Orchestrator, PlatformNames.Realtime, PlatformNames.Ingestion];

    /// <summary>Gets the services that keep idempotency keys.</summary>
    public static IReadOnlyList<string> RedisClients { get; } = [PlatformNames.ApiGateway, PlatformNames.Orchestrator, PlatformNames.Ingestion];

    /// <summary>Gets every connection.</summary>
    public static IReadOnlyList<PlatformCall> Calls { get; } =
    [
        new(Client, PlatformNames.ApiGateway, PlatformNames.HttpPort),
        new(Client, PlatformNames.Realtime, PlatformNames.RealtimePort),
        new(PlatformNames.ApiGateway, PlatformNames.RouterService, PlatformNames.HttpPort),
        new(PlatformNames.Orchestrator, PlatformNames.RouterService, PlatformNames.HttpPort),
        .. NatsClients.Select(service => new PlatformCall(service, Nats, 4222)),
        .. RedisClients.Select(service => new PlatformCall(service, Redis, 6379)),
        .. Services.Select(service => new PlatformCall(Prometheus, service, PlatformNames.ManagementPort)),
        .. Services.Select(service => new PlatformCall(service, Telemetry, 4317)),
        new(Autoscaler, Nats, 8222),
    ];

    /// <summary>Returns the port a service listens on.</summary>
    /// <param name="service">Its name.</param>
    public static int PortOf(string service) => service == PlatformNames.Realtime ? PlatformNames.RealtimePort : PlatformNames.HttpPort;
}
