using Topology.Dlq;

namespace Platform.ServiceDefaults;

/// <summary>Every name that two parts of the platform share: services, ports, subjects, streams, consumers. Manifests are checked against it.</summary>
public static class PlatformNames
{
    /// <summary>Takes runs from clients over HTTP.</summary>
    public const string ApiGateway = "api-gateway";

    /// <summary>Carries out runs as sagas.</summary>
    public const string Orchestrator = "orchestrator";

    /// <summary>Picks an agent and a model, and calls tools.</summary>
    public const string RouterService = "router-service";

    /// <summary>Tells clients over WebSocket how their runs are.</summary>
    public const string Realtime = "realtime";

    /// <summary>Takes documents apart.</summary>
    public const string Ingestion = "ingestion";

    /// <summary>The port of every service but <see cref="Realtime"/>.</summary>
    public const int HttpPort = 8000;

    /// <summary>The port of <see cref="Realtime"/>.</summary>
    public const int RealtimePort = 8001;

    /// <summary>The port for probes in detail and for metrics, when <see cref="ManagementPortKey"/> says so.</summary>
    public const int ManagementPort = 9090;

    /// <summary>The setting that opens a management port; not set, metrics are on the service's own port.</summary>
    public const string ManagementPortKey = "ManagementPort";

    /// <summary>The setting with the address of router-service.</summary>
    public const string RouterAddressKey = "Router:Address";

    /// <summary>The path of metrics.</summary>
    public const string MetricsPath = "/metrics";

    /// <summary>The logical name, and the subject, of runs that are to be carried out.</summary>
    public const string RunRequested = "agent.run.requested";

    /// <summary>The durable consumer of <see cref="RunRequested"/>: what orchestrator scales by.</summary>
    public const string RunConsumer = Orchestrator;

    /// <summary>The logical name of the stream that keeps each run's latest state.</summary>
    public const string RunState = "run.state";

    /// <summary>The subjects of <see cref="RunState"/>.</summary>
    public const string RunStateSubjects = "run.*.state";

    /// <summary>The subjects of what is written while a run goes on; live only, kept nowhere.</summary>
    public const string RunDeltaSubjects = "run.*.delta";

    /// <summary>The logical name, and the subject, of documents that are to be taken apart.</summary>
    public const string IngestRequested = "ingest.document.requested";

    /// <summary>The durable consumer of <see cref="IngestRequested"/>: what ingestion scales by.</summary>
    public const string IngestConsumer = Ingestion;

    /// <summary>The queue of documents that could not be taken apart.</summary>
    public const string IngestDeadLetters = "ingest.document.dlq";

    /// <summary>The saga that a run is carried out as.</summary>
    public const string RunSaga = "order_processing";

    /// <summary>Gets the stream of <see cref="RunRequested"/>: <c>AGENT_RUN_REQUESTED</c>.</summary>
    public static string RunStream => DeadLetterQueueNames.ToPhysical(RunRequested);

    /// <summary>Gets the stream of <see cref="RunState"/>: <c>RUN_STATE</c>.</summary>
    public static string RunStateStream => DeadLetterQueueNames.ToPhysical(RunState);

    /// <summary>Gets the stream of <see cref="IngestRequested"/>: <c>INGEST_DOCUMENT_REQUESTED</c>.</summary>
    public static string IngestStream => DeadLetterQueueNames.ToPhysical(IngestRequested);

    /// <summary>Returns the subject of a run's state.</summary>
    /// <param name="runId">The run.</param>
    public static string RunStateSubject(string runId) => $"run.{runId}.state";

    /// <summary>Returns the subject of what is written while a run goes on.</summary>
    /// <param name="runId">The run.</param>
    public static string RunDeltaSubject(string runId) => $"run.{runId}.delta";
}
