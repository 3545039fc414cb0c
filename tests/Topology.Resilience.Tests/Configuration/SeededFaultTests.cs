namespace Topology.Resilience.Tests.Configuration;

/// <summary>One fault at a time in the specification's own YAML. <c>▸</c> in the changed line stands before the place that must be named.</summary>
public sealed class SeededFaultTests
{
    /// <summary>Line in the specification, the line instead, the code, and a part of the message.</summary>
    public static TheoryData<int, string, string, string> Faults { get; } = new()
    {
        // Values out of range.
        { 215, "    max_attempts: ▸0", "TOPO1001", "retry_config.default.max_attempts must be 1..100 (was 0)" },
        { 222, "    max_attempts: ▸101", "TOPO1001", "retry_config.api_calls.max_attempts must be 1..100 (was 101)" },
        { 229, "    max_attempts: ▸-3", "TOPO1001", "must be 1..100 (was -3)" },
        { 236, "    max_attempts: ▸99999999999999999999", "TOPO1001", "must be 1..100" },
        { 216, "    base_delay: ▸25h", "TOPO1001", "retry_config.default.base_delay must be 0s..1d (was 25h)" },
        { 224, "    max_delay: ▸8d", "TOPO1001", "retry_config.api_calls.max_delay must be 0s..7d (was 8d)" },
        { 218, "    exponential_base: ▸0.5", "TOPO1001", "exponential_base must be 1..10 (was 0.5)" },
        { 239, "    exponential_base: ▸10.1", "TOPO1001", "exponential_base must be 1..10 (was 10.1)" },
        { 225, "    exponential_base: ▸NaN", "TOPO1001", "exponential_base must be 1..10 (was NaN)" },
        { 219, "    jitter: ▸1.5", "TOPO1001", "jitter must be above 0 and up to 1 (was 1.5)" },
        { 323, "  ttl: ▸367d", "TOPO1101", "idempotency.ttl must be 1m2s..366d (was 367d)" },
        { 329, "    timestamp_tolerance: ▸0s", "TOPO1101", "timestamp_tolerance must be 1s..1d (was 0s)" },
        { 383, "          timeout: ▸0ms", "TOPO1201", "saga_compensations.order_processing.steps[0].compensation_action.timeout must be 1ms..1d" },
        { 396, "          retry_count: ▸101", "TOPO1201", "steps[2].compensation_action.retry_count must be 0..100 (was 101)" },
        { 147, "      max_age: ▸\"30s\"", "TOPO1301", "dlq_config.streams[0].max_age must be 1m..3650d (was 30s)" },
        { 166, "      max_deliver: ▸0", "TOPO1301", "dlq_config.consumers[0].max_deliver must be 1..100 (was 0)" },
        { 173, "      ack_wait: ▸\"61m\"", "TOPO1301", "dlq_config.consumers[1].ack_wait must be 1s..1h (was 61m)" },
        { 414, "      port: ▸0", "TOPO1401", "readiness_probes.api_gateway.http_get.port must be 1..65535 (was 0)" },
        { 425, "    initial_delay_seconds: ▸-1", "TOPO1401", "must be 0..3600 (was -1)" },
        { 426, "    period_seconds: ▸0", "TOPO1401", "must be 1..3600 (was 0)" },
        { 453, "    success_threshold: ▸2", "TOPO1401", "liveness_probes.api_gateway.success_threshold must be 1 (was 2)" },
        { 464, "    failure_threshold: ▸101", "TOPO1401", "must be 1..100 (was 101)" },

        // Unknown keys.
        { 215, "    ▸max_atempts: 3", "TOPO1002", "unknown key 'max_atempts' in retry_config.default; did you mean 'max_attempts'?" },
        { 223, "    ▸base_dealy: 500ms", "TOPO1002", "did you mean 'base_delay'?" },
        { 240, "    ▸jiter: true", "TOPO1002", "did you mean 'jitter'?" },
        { 213, "▸retry_confg:", "TOPO1502", "unknown key 'retry_confg'; did you mean 'retry_config'?" },
        { 142, "▸dlq_conf:", "TOPO1502", "did you mean 'dlq_config'?" },
        { 377, "▸saga_compensation:", "TOPO1502", "did you mean 'saga_compensations'?" },
        { 410, "▸readyness_probes:", "TOPO1502", "did you mean 'readiness_probes'?" },
        { 34, "▸websockets:", "TOPO1502", "did you mean 'websocket'?" },
        { 322, "  ▸storrage: \"redis\"", "TOPO1102", "did you mean 'storage'?" },
        { 327, "    ▸requst_hash: true", "TOPO1102", "unknown key 'requst_hash' in idempotency.validation; did you mean 'request_hash'?" },
        { 395, "          ▸time_outs: 10s", "TOPO1202", "did you mean 'timeout'?" },
        { 384, "          ▸retries: 3", "TOPO1202", "unknown key 'retries' in saga_compensations.order_processing.steps[0].compensation_action" },
        { 146, "      ▸retentoin: \"limits\"", "TOPO1302", "did you mean 'retention'?" },
        { 173, "      ▸ackwiat: \"60s\"", "TOPO1302", "did you mean 'ack_wait'?" },
        { 413, "      ▸pth: /health/ready", "TOPO1402", "did you mean 'path'?" },
        { 418, "    ▸succes_threshold: 1", "TOPO1402", "did you mean 'success_threshold'?" },

        // Wrong kinds of value.
        { 215, "    max_attempts: ▸three", "TOPO1003", "must be a whole number (was 'three')" },
        { 222, "    max_attempts: ▸2.5", "TOPO1003", "must be a whole number (was '2.5')" },
        { 232, "    exponential_base: ▸1,5", "TOPO1003", "must be a number (was '1,5')" },
        { 327, "    request_hash: ▸yes", "TOPO1103", "must be true or false (was 'yes')" },
        { 166, "      max_deliver: ▸many", "TOPO1303", "must be a whole number (was 'many')" },
        { 437, "    timeout_seconds: ▸3s", "TOPO1403", "must be a whole number (was '3s')" },

        // Durations.
        { 217, "    max_delay: ▸60", "TOPO1004", "retry_config.default.max_delay '60' has no unit; write 60s or 60ms" },
        { 323, "  ttl: ▸3600", "TOPO1104", "'3600' has no unit" },
        { 383, "          timeout: ▸30", "TOPO1204", "'30' has no unit" },
        { 153, "      max_age: ▸\"3\"", "TOPO1304", "'3' has no unit" },
        { 230, "    base_delay: ▸2 sec", "TOPO1004", "must be a duration such as 500ms, 1m30s or 7d (was '2 sec')" },
        { 231, "    max_delay: ▸30s2m", "TOPO1004", "must be a duration" },
        { 237, "    base_delay: ▸-100ms", "TOPO1004", "must be a duration" },
        { 238, "    max_delay: ▸P1M", "TOPO1004", "must be a duration" },

        // Choices.
        { 226, "    jitter: ▸sometimes", "TOPO1005", "must be true, false, none, equal, full, decorrelated or a proportion" },
        { 322, "  storage: ▸\"rediss\"", "TOPO1105", "must be one of redis, memory (was 'rediss'); did you mean 'redis'?" },
        { 154, "      storage: ▸\"disk\"", "TOPO1305", "must be one of file, memory (was 'disk')" },
        { 146, "      retention: ▸\"interest\"", "TOPO1305", "must be limits (was 'interest')" },
        { 165, "      ack_policy: ▸\"none\"", "TOPO1305", "must be explicit (was 'none')" },

        // Missing and empty.
        { 144, "    - ▸x-name: 1", "TOPO1306", "dlq_config.streams[0] has no 'name'" },
        { 163, "    - ▸x-stream: 1", "TOPO1306", "dlq_config.consumers[0] has no 'stream'" },
        { 382, "          x-type: 1", "TOPO1206", "steps[0].compensation_action has no 'type'" },
        { 380, "      - ▸x-step: 1", "TOPO1206", "saga_compensations.order_processing.steps[0] has no 'step_id'" },
        { 215, "    max_attempts:▸", "TOPO1006", "has no value" },
        { 324, "  key_prefix: ▸\"\"", "TOPO1106", "idempotency.key_prefix has no value" },
        { 164, "      name: ▸~", "TOPO1306", "has no value" },

        // Twice.
        { 216, "    base_delay: 1s\n    ▸base_delay: 2s", "TOPO1507", "key 'base_delay' is written twice; the first is at line 216" },
        { 216, "    base_delay: 1s\n    ▸BaseDelay: 2s", "TOPO1007", "'BaseDelay' and 'base_delay' at line 216 are the same key; keep one" },
        { 221, "  ▸Default:", "TOPO1007", "'Default' and 'default' at line 214 are the same key" },
        { 17, "  annotations: {}\n  ▸annotations:", "TOPO1507", "key 'annotations' is written twice" },

        // Wrong shapes.
        { 221, "  api_calls: ▸5\n  x-rest:", "TOPO1008", "retry_config.api_calls must be a mapping of keys" },
        { 215, "    max_attempts: ▸[3]", "TOPO1008", "max_attempts must be one value" },
        { 145, "      subjects: ▸\"agent.run.failed\"", "TOPO1308", "dlq_config.streams[0].subjects must be a list" },
        { 326, "  validation: ▸strict\n  x-rest:", "TOPO1108", "idempotency.validation must be a mapping of keys" },

        // Keys against each other, and against what the packages refuse.
        { 216, "    base_delay: ▸61s", "TOPO1020", "retry_config.default.base_delay (1m1s) must not be above max_delay (1m)" },
        { 323, "  ttl: ▸10m", "TOPO1120", "idempotency.ttl (10m) must be at least 2 · validation.timestamp_tolerance + 60s = 11m" },
        { 323, "  ttl: 30m\n  lease: ▸30m", "TOPO1121", "idempotency.lease (30m) must be below ttl (30m)" },
        { 386, "      - step_id: ▸\"payment_authorization\"", "TOPO1220", "step 'payment_authorization' has a row already (line 380)" },
        { 384, "          backoff: ▸tool_call", "TOPO1223", "retry_config has no profile 'tool_call'; did you mean 'tool_calls'?" },
        { 163, "    - stream: ▸\"agent.runs.dlq\"", "TOPO1320", "dlq_config.streams has no 'agent.runs.dlq'; did you mean 'agent.run.dlq'?" },
        { 169, "    - stream: ▸\"agent.run.dlq\"", "TOPO1323", "'agent.run.dlq' has a consumer already (line 163)" },
        { 156, "    - name: ▸\"tool_call.dlq\"", "TOPO1321", "'tool_call.dlq' and 'tool.call.dlq' are both stream 'TOOL_CALL_DLQ' on the server (line 150)" },
        { 151, "      subjects: [▸\"agent.run.failed\"]", "TOPO1322", "'agent.run.failed' overlaps 'agent.run.failed' (line 145)" },
        { 151, "      subjects: [▸\"agent.run\"]", "TOPO1322", "'agent.run' overlaps 'agent.run.failed'" },
        { 156, "    - name: ▸\"workflow compensation\"", "TOPO1309", "Dead-letter queue 'workflow compensation': name must be" },
        { 151, "      subjects: [▸\"agent run\"]", "TOPO1309", "subjects holds 'agent run'" },
        { 413, "      path: ▸health", "TOPO1409", "must be a path that starts with '/'" },

        // YAML itself.
        { 215, "    max_attempts 3\n    base_delay▸: 1s", "TOPO1534", "not valid YAML" },
        { 215, "▸\tmax_attempts: 3", "TOPO1534", "a tab cannot indent" },
        { 324, "  key_prefix: ▸\"idempotency:", "TOPO1534", "not valid YAML" },
        { 145, "      subjects: ▸[\"agent.run.failed\"", "TOPO1534", "not valid YAML" },
        { 215, "    max_attempts: ▸*three", "TOPO1534", "no anchor '&three' before this alias" },
        { 215, "    max_attempts: ▸!!int 3", "TOPO1536", "tags such as" },
        { 215, "    ? ▸[a]\n    : 1", "TOPO1536", "a key must be plain text" },
        { 215, "    max_attempts: 3▸\u0007", "TOPO1532", "control character U+0007" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_fault_in_the_specification_is_named_with_its_place(int line, string instead, string code, string part)
    {
        string[] lines = TestFiles.SpecYaml.Split('\n');
        string[] written = instead.Split('\n');
        int atLine = line + Array.FindIndex(written, l => l.Contains('▸', StringComparison.Ordinal));
        string? marked = Array.Find(written, l => l.Contains('▸', StringComparison.Ordinal));
        lines[line - 1] = instead.Replace("▸", "", StringComparison.Ordinal);

        IReadOnlyList<string> errors = TestHost.Lines(string.Join('\n', lines));

        Assert.True(errors.Count > 0, "no error was found");
        string place = marked is null ? "topology.yaml(" : $"topology.yaml({atLine},{marked.IndexOf('▸', StringComparison.Ordinal) + 1}): error {code}: ";
        string found = Assert.Single(errors, e => e.Contains($" {code}: ", StringComparison.Ordinal));
        Assert.StartsWith(place, found, StringComparison.Ordinal);
        Assert.Contains(part, found, StringComparison.Ordinal);
    }

    [Fact]
    public void There_are_at_least_sixty() => Assert.True(Faults.Count >= 60, $"{Faults.Count}");

    [Fact]
    public void All_faults_are_told_at_once_in_file_order()
    {
        string[] lines = TestFiles.SpecYaml.Split('\n');
        lines[426 - 1] = "    period_seconds: 0";
        lines[215 - 1] = "    max_attempts: 0";
        lines[147 - 1] = "      max_age: 7";
        lines[223 - 1] = "    base_delay: 31s";
        Assert.Equal(
            ["topology.yaml(147,16): error TOPO1304", "topology.yaml(215,19): error TOPO1001", "topology.yaml(223,17): error TOPO1020", "topology.yaml(426,21): error TOPO1401"],
            TestHost.Lines(string.Join('\n', lines)).Select(l => string.Join(':', l.Split(':')[..2])));
    }
}
