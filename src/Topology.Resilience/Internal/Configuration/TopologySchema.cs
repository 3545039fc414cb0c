using Topology.Dlq;
using Topology.Health;
using Topology.Idempotency;
using Topology.Retry;
using Topology.Saga;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>
/// Every key of <c>topology.yaml</c>. Reading, unknown keys, the JSON Schema, <c>docs/configuration.md</c> and <c>describe</c> all come from
/// this table; defaults come from the options classes.
/// </summary>
internal static class TopologySchema
{
    /// <summary>The longest name of a profile, saga, step, action, queue or service.</summary>
    public const int MaxName = 128;

    private static readonly TimeSpan s_none = TimeSpan.Zero;
    private static readonly TimeSpan s_millisecond = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_day = TimeSpan.FromDays(1);

    public static SettingGroup<RetryProfileOptions> RetryProfile { get; } = new SettingGroup<RetryProfileOptions>(
        "retry_config.*", SettingArea.Retry, "A retry profile.", () => new(),
        RetryProfileNames.Default, RetryProfileNames.ApiCalls, RetryProfileNames.ToolCalls, RetryProfileNames.DatabaseOperations)
        .Integer("max_attempts", 1, 100, o => o.MaxAttempts, (o, v) => o.MaxAttempts = v,
            "Calls made in all, the first one included; 1 turns retries off.")
        .Duration("base_delay", s_none, s_day, o => o.BaseDelay, (o, v) => o.BaseDelay = v, "Wait before the second call.")
        .Duration("max_delay", s_none, 7 * s_day, o => o.MaxDelay, (o, v) => o.MaxDelay = v,
            "Longest computed wait, jitter included; not below base_delay.")
        .Number("exponential_base", 1, 10, o => o.ExponentialBase, (o, v) => o.ExponentialBase = v,
            "Factor by which each wait grows; 1 keeps it constant.")
        .Jitter("jitter", o => o.Jitter, (o, v) => o.Jitter = v, "How waits are spread; true is the proportion 0.1.")
        .OptionalDuration("attempt_timeout", s_millisecond, s_day, o => o.AttemptTimeout, (o, v) => o.AttemptTimeout = v,
            "Time one call may take; not set, no bound.")
        .OptionalDuration("overall_timeout", s_millisecond, 7 * s_day, o => o.OverallTimeout, (o, v) => o.OverallTimeout = v,
            "Time all calls and waits may take; not set, no bound.")
        .OptionalDuration("max_server_delay", s_none, 7 * s_day, o => o.MaxServerDelay, (o, v) => o.MaxServerDelay = v,
            "Longest wait a server may ask for; not set, the larger of max_delay and 120s.")
        .Choice("unknown", [("retry", UnknownFailure.Retry), ("stop", UnknownFailure.Stop)], o => o.Unknown, (o, v) => o.Unknown = v,
            "What happens to a failure no rule names.")
        .OptionalText("budget", MaxName, o => o.Budget, (o, v) => o.Budget = v, "Name of the retry budget drawn on; not set, none.");

    public static SettingGroup<RetryBudgetOptions> RetryBudget { get; } = new SettingGroup<RetryBudgetOptions>(
        "retry_budgets.*", SettingArea.Retry, "A retry budget that profiles share by name.", () => new())
        .Integer("max_tokens", 1, 1_000_000, o => o.MaxTokens, (o, v) => o.MaxTokens = v, "Tokens a full budget holds.")
        .Integer("retry_cost", 1, 1_000_000, o => o.RetryCost, (o, v) => o.RetryCost = v, "Tokens one retry takes; not above max_tokens.")
        .Integer("success_credit", 0, 1_000_000, o => o.SuccessCredit, (o, v) => o.SuccessCredit = v,
            "Tokens one success gives back; not above max_tokens.");

    public static SettingGroup<IdempotencyOptions> Idempotency { get; } = new SettingGroup<IdempotencyOptions>(
        "idempotency", SettingArea.Idempotency, "Idempotency keys.", () => new())
        .Checked("storage", SettingType.Choice(("redis", IdempotencyStorage.Redis), ("memory", IdempotencyStorage.Memory)),
            "Where records are kept; a store named in code wins.", fallback: "redis")
        .Duration("ttl", 62 * s_second, 366 * s_day, o => o.Ttl, (o, v) => o.Ttl = v,
            "How long a record is kept; at least 2 · timestamp_tolerance + 60s.")
        .Text("key_prefix", MaxName, o => o.KeyPrefix, (o, v) => o.KeyPrefix = v,
            "Text every record key starts with; visible ASCII, no braces.")
        .Boolean("validation.request_hash", o => o.ValidateRequestHash, (o, v) => o.ValidateRequestHash = v,
            "Refuse a repeated key with another request.")
        .Boolean("validation.response_hash", o => o.ValidateResponseHash, (o, v) => o.ValidateResponseHash = v,
            "Check a stored result before it is replayed.")
        .Duration("validation.timestamp_tolerance", s_second, s_day, o => o.TimestampTolerance, (o, v) => o.TimestampTolerance = v,
            "How far the time in a key may lie from the store's.")
        .Duration("lease", s_second, s_day / 24, o => o.Lease, (o, v) => o.Lease = v,
            "How long a claim is held without being renewed; below ttl.");

    public static SettingGroup<SagaCompensationStepOptions> SagaStep { get; } = new SettingGroup<SagaCompensationStepOptions>(
        "saga_compensations.*.steps[]", SettingArea.Saga, "A row of a saga's compensation table.", () => new())
        .Text("step_id", MaxName, o => o.StepId, (o, v) => o.StepId = v, "The step that is undone.", required: true)
        .Text("compensation_action.type", MaxName, o => o.CompensationAction.Type, (o, v) => o.CompensationAction.Type = v,
            "Name under which the action is registered.", required: true)
        .Duration("compensation_action.timeout", s_millisecond, s_day, o => o.CompensationAction.Timeout, (o, v) => o.CompensationAction.Timeout = v,
            "Time one try may take.")
        .Integer("compensation_action.retry_count", 0, 100, o => o.CompensationAction.RetryCount, (o, v) => o.CompensationAction.RetryCount = v,
            "Tries after the first.")
        .OptionalText("compensation_action.backoff", MaxName, o => o.CompensationAction.Backoff, (o, v) => o.CompensationAction.Backoff = v,
            "Retry profile whose waits lie between the tries; not set, default.")
        .Choice("compensation_action.on_failure", [("continue", SagaCompensationFailure.Continue), ("halt", SagaCompensationFailure.Halt)], o => o.CompensationAction.OnFailure, (o, v) => o.CompensationAction.OnFailure = v,
            "What happens to the remaining compensations when all tries have failed.");

    public static SettingGroup<DeadLetterQueueOptions> Stream { get; } = new SettingGroup<DeadLetterQueueOptions>(
        "dlq_config.streams[]", SettingArea.Dlq, "A dead-letter queue.", () => new())
        .Checked("name", SettingType.Text(MaxName), "Logical name of the queue.", required: true)
        .TextList("subjects", 200, o => o.Subjects, "Subjects under which letters arrive.")
        .Checked("retention", SettingType.Choice(("limits", 0)), "Letters are kept under limits retention.", fallback: "limits")
        .Duration("max_age", s_day / 1440, 3650 * s_day, o => o.MaxAge, (o, v) => o.MaxAge = v, "How long a letter is kept.")
        .Bytes("max_bytes", 1 << 20, o => o.MaxBytes, (o, v) => o.MaxBytes = v, "Bytes the queue may hold.")
        .Choice("storage", [("file", DeadLetterStorage.File), ("memory", DeadLetterStorage.Memory)], o => o.Storage, (o, v) => o.Storage = v,
            "Where letters are kept.");

    public static SettingGroup<DeadLetterConsumerOptions> Consumer { get; } = new SettingGroup<DeadLetterConsumerOptions>(
        "dlq_config.consumers[]", SettingArea.Dlq, "The consumer of a queue's processor.", () => new())
        .Checked("stream", SettingType.Text(MaxName), "The queue that is read.", required: true)
        .Text("name", 100, o => o.Name, (o, v) => o.Name = v, "Durable name on the server: letters, digits, '-' or '_'.", required: true)
        .Checked("ack_policy", SettingType.Choice(("explicit", 0)), "Acknowledgement is explicit.", fallback: "explicit")
        .Integer("max_deliver", 1, 100, o => o.MaxDeliver, (o, v) => o.MaxDeliver = v,
            "How often the processor is started for one letter before it is parked.")
        .Duration("ack_wait", s_second, s_day / 24, o => o.AckWait, (o, v) => o.AckWait = v,
            "How long a letter is lent without being renewed; a running processor renews it.")
        .Duration("max_processing_time", s_second, s_day, o => o.MaxProcessingTime, (o, v) => o.MaxProcessingTime = v,
            "How long the processor may take with one letter.");

    public static SettingGroup<ProbeOptions> Readiness { get; } = Probe("readiness_probes.*", "A readiness probe.", "/health/ready", 100);

    public static SettingGroup<ProbeOptions> Liveness { get; } = Probe("liveness_probes.*", "A liveness probe.", "/health/live", 1);

    public static SettingGroup<ProbeOptions> Startup { get; } = Probe("startup_probes.*", "A startup probe.", "/health/startup", 1);

    public static SettingGroup<TopologyNatsOptions> Nats { get; } = new SettingGroup<TopologyNatsOptions>(
        "nats", SettingArea.File, "Sagas and dead letters on NATS JetStream.", () => new())
        .OptionalChoice("provision", [("create", TopologyProvisioning.Create), ("verify", TopologyProvisioning.Verify), ("off", TopologyProvisioning.Off)], o => o.Provision, (o, v) => o.Provision = v,
            "What is done about streams and consumers; not set, create in Development and verify elsewhere.")
        .Integer("replicas", 1, 5, o => o.Replicas, (o, v) => o.Replicas = v, "Servers of a cluster on which streams are kept.")
        .Duration("saga_ack_wait", s_second, s_day / 24, o => o.SagaAckWait, (o, v) => o.SagaAckWait = v,
            "How long a saga's owner may be silent before the saga is another worker's; a running owner renews it.");

    public static SettingGroup<SagaOptions> Sagas { get; } = new SettingGroup<SagaOptions>(
        "sagas", SettingArea.Saga, "How a process runs its sagas, and for how long it remembers them.", () => new())
        .Integer("max_concurrent_sagas", 1, 100_000, o => o.MaxConcurrentSagas, (o, v) => o.MaxConcurrentSagas = v, "Sagas run at the same time.")
        .Integer("max_takeovers", 1, 1_000, o => o.MaxTakeovers, (o, v) => o.MaxTakeovers = v,
            "How often a saga may lose its owner without getting on before it is parked.")
        .Duration("unknown_definition_timeout", s_second, s_day, o => o.UnknownDefinitionTimeout, (o, v) => o.UnknownDefinitionTimeout = v,
            "How long a saga may wait for a worker that knows its definition before it is parked.")
        .Duration("history_age", s_day / 1440, 365 * s_day, o => o.HistoryAge, (o, v) => o.HistoryAge = v,
            "How long the history of an ended saga is kept.")
        .Duration("tombstone_age", s_day, 3650 * s_day, o => o.TombstoneAge, (o, v) => o.TombstoneAge = v,
            "How long an ended saga cannot be started again; at least longest_start_age + longest_letter_age + 1d, which is used when not written.")
        .Duration("longest_start_age", s_none, 365 * s_day, o => o.LongestStartAge, (o, v) => o.LongestStartAge = v,
            "Longest max_age of a stream whose messages start sagas.")
        .Duration("longest_letter_age", s_none, 365 * s_day, o => o.LongestLetterAge, (o, v) => o.LongestLetterAge = v,
            "Longest age at which a letter is redriven; when not written, the longest max_age of a queue.")
        .Duration("retention_period", s_second, s_day, o => o.RetentionPeriod, (o, v) => o.RetentionPeriod = v,
            "Time between two looks for what is too old.");

    public static SettingGroup<HealthOptions> Health { get; } = new SettingGroup<HealthOptions>(
        "health", SettingArea.Health, "How checks are sampled, where probes answer, and how long a stopping service keeps serving.", () => new())
        .OptionalText("service_name", MaxName, o => o.ServiceName, (o, v) => o.ServiceName = v,
            "Name under which this service's probes are declared: their paths must be those it answers.")
        .Text("live_path", 1024, o => o.LivePath, (o, v) => o.LivePath = v, "Path of the liveness probe.")
        .Text("ready_path", 1024, o => o.ReadyPath, (o, v) => o.ReadyPath = v, "Path of the readiness probe.")
        .Text("startup_path", 1024, o => o.StartupPath, (o, v) => o.StartupPath = v, "Path of the startup probe.")
        .OptionalInteger("management_port", 1, 65535, o => o.ManagementPort, (o, v) => o.ManagementPort = v,
            "Local port on which probes answer with the state of every check; the service must listen on it.")
        .Duration("period", s_second / 10, s_day / 24, o => o.Period, (o, v) => o.Period = v, "Time between two runs of a check.")
        .Number("jitter", 0, 0.5, o => o.Jitter, (o, v) => o.Jitter = v, "Part of the period by which each wait is varied.")
        .Duration("timeout", 10 * s_millisecond, s_day / 288, o => o.Timeout, (o, v) => o.Timeout = v, "Time after which a run of a check has failed.")
        .Integer("failure_threshold", 1, 100, o => o.FailureThreshold, (o, v) => o.FailureThreshold = v, "Worse samples in a row after which a check counts as worse.")
        .Integer("success_threshold", 1, 100, o => o.SuccessThreshold, (o, v) => o.SuccessThreshold = v, "Better samples in a row after which a check counts as better.")
        .Duration("max_thread_pool_delay", s_second / 10, s_day / 288, o => o.MaxThreadPoolDelay, (o, v) => o.MaxThreadPoolDelay = v,
            "Longest time a work item may wait for a thread of the pool.")
        .Duration("drain_delay", s_none, s_day / 144, o => o.DrainDelay, (o, v) => o.DrainDelay = v,
            "Time for which a stopping service is not ready and still serves.")
        .Duration("stop_budget", s_none, s_day / 144, o => o.StopBudget, (o, v) => o.StopBudget = v,
            "Time kept for requests and loops after it; both must fit into the host's ShutdownTimeout, 30s by default.");

    /// <summary>Gets the whole table.</summary>
    public static IReadOnlyList<SettingGroup> Groups { get; } =
        [RetryProfile, RetryBudget, Idempotency, SagaStep, Sagas, Stream, Consumer, Health, Readiness, Liveness, Startup, Nats];

    /// <summary>Gets the blocks that describe deployment: read, never rejected, not looked into.</summary>
    public static IReadOnlyList<string> FreeKeys { get; } =
        ["ingress", "websocket", "orchestrator", "ingestion", "api_gateway", "router-service", "realtime", "network_policies", "metrics"];

    /// <summary>Gets other words for a key.</summary>
    public static IReadOnlyDictionary<string, string[]> Aliases { get; } = new Dictionary<string, string[]>(StringComparer.Ordinal)
    {
        ["retry_config"] = ["retry"],
        ["dlq_config"] = ["dlq"],
    };

    public static SchemaNode Root { get; } = BuildTree();

    private static SettingGroup<ProbeOptions> Probe(string path, string help, string probePath, int successes) =>
        new SettingGroup<ProbeOptions>(path, SettingArea.Health, help, () => new() { Path = probePath })
        .Text("http_get.path", 1024, o => o.Path, (o, v) => o.Path = v, "Path that is asked.")
        .Integer("http_get.port", 1, 65535, o => o.Port, (o, v) => o.Port = v, "Port that is asked.")
        .Integer("initial_delay_seconds", 0, 3600, o => o.InitialDelaySeconds, (o, v) => o.InitialDelaySeconds = v,
            "Seconds after the container's start before the first probe.")
        .Integer("period_seconds", 1, 3600, o => o.PeriodSeconds, (o, v) => o.PeriodSeconds = v, "Seconds between two probes.")
        .Integer("timeout_seconds", 1, 3600, o => o.TimeoutSeconds, (o, v) => o.TimeoutSeconds = v,
            "Seconds after which a probe has failed.")
        .Integer("success_threshold", 1, successes, o => o.SuccessThreshold, (o, v) => o.SuccessThreshold = v,
            "Successes in a row until the service counts as well again.")
        .Integer("failure_threshold", 1, 100, o => o.FailureThreshold, (o, v) => o.FailureThreshold = v,
            "Failures in a row until the service counts as failed.");

    private static SchemaNode BuildTree()
    {
        var root = new SchemaNode("", SchemaKind.Section, SettingArea.File);
        foreach (SettingGroup group in Groups)
        {
            SchemaNode node = root;
            foreach (string segment in group.Path.Split('.'))
            {
                node = Enter(node, segment, group, null);
            }

            foreach (SettingRow row in group.Rows)
            {
                SchemaNode parent = node;
                string[] keys = row.Key.Split('.');
                foreach (string key in keys[..^1])
                {
                    parent = Enter(parent, key, group, null);
                }

                Enter(parent, keys[^1], group, row);
            }
        }

        foreach (string key in FreeKeys)
        {
            root.Add(new SchemaNode(key, SchemaKind.Free, SettingArea.File));
        }

        return root;
    }

    private static SchemaNode Enter(SchemaNode parent, string segment, SettingGroup group, SettingRow? row)
    {
        if (segment == "*")
        {
            return parent.Item ??= new SchemaNode("*", SchemaKind.Section, group.Area);
        }

        bool isList = segment.EndsWith("[]", StringComparison.Ordinal);
        string name = isList ? segment[..^2] : segment;
        bool holdsNames = row is null && group.Path.Contains(name + ".*", StringComparison.Ordinal);
        SchemaNode? node = parent.Find(name);
        if (node is null)
        {
            SchemaKind kind = isList ? SchemaKind.List : row is not null ? SchemaKind.Value : holdsNames ? SchemaKind.Names : SchemaKind.Section;
            node = new SchemaNode(name, kind, group.Area) { Row = isList ? null : row };
            node.Names = holdsNames ? group.Names : [];
            parent.Add(node, Aliases.GetValueOrDefault(name, []));
        }

        return isList ? node.Item ??= new SchemaNode(name, row is null ? SchemaKind.Section : SchemaKind.Value, group.Area) { Row = row } : node;
    }
}
