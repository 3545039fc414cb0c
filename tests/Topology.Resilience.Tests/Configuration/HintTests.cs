using Microsoft.Extensions.Configuration;

namespace Topology.Resilience.Tests.Configuration;

/// <summary>What people write on their first day, and what they are told.</summary>
public sealed class HintTests
{
    [Theory]
    [InlineData("Topology:\n  retry_config: {}\n", "(1,1): error TOPO1502: unknown key 'Topology'; here its keys stand at the root: write retry_config, retry_budgets, idempotency … without it")]
    [InlineData("ttl: 2h\n", "(1,1): error TOPO1502: unknown key 'ttl'; it belongs to idempotency")]
    [InlineData("idempotency:\n  timestamp_tolerance: 1m\n", "(2,3): error TOPO1102: unknown key 'timestamp_tolerance' in idempotency; it belongs to idempotency.validation")]
    [InlineData("dlq_config:\n  streams:\n    - name: a.dlq\n      max_deliver: 3\n", "(4,7): error TOPO1302: unknown key 'max_deliver' in dlq_config.streams[0]; it belongs to dlq_config.consumers[]")]
    [InlineData("saga_compensations:\n  order:\n    steps:\n      - step_id: pay\n        timeout: 3s\n        compensation_action: { type: refund }\n", "(5,9): error TOPO1202: unknown key 'timeout' in saga_compensations.order.steps[0]; it belongs to saga_compensations.*.steps[].compensation_action")]
    [InlineData("readiness_probes:\n  gateway:\n    path: /health/ready\n", "(3,5): error TOPO1402: unknown key 'path' in readiness_probes.gateway; it belongs to readiness_probes.*.http_get")]
    [InlineData("sagas:\n  retries: 3\n", "(2,3): error TOPO1202: unknown key 'retries' in sagas; known are max_concurrent_sagas, max_takeovers, unknown_definition_timeout, history_age, tombstone_age, longest_start_age, longest_letter_age, retention_period")]
    [InlineData("retry_config:\n  max_attempts: 3\n", "(2,17): error TOPO1008: retry_config.max_attempts must be a mapping of keys: max_attempts, base_delay, max_delay, exponential_base, jitter, attempt_timeout, overall_timeout, max_server_delay, unknown, budget; 'max_attempts' belongs below a name")]
    [InlineData("retry_config: fast\n", "(1,15): error TOPO1008: retry_config must be a mapping of names")]
    [InlineData("saga_compensations:\n  order:\n    - step_id: pay\n", "(3,5): error TOPO1208: saga_compensations.order must be a mapping of keys: steps")]
    [InlineData("saga_compensations:\n  order:\n    steps:\n      - step_id: pay\n        compensation_action: refund\n", "(5,30): error TOPO1208: saga_compensations.order.steps[0].compensation_action must be a mapping of keys: type, timeout, retry_count, backoff, on_failure")]
    [InlineData("saga_compensations:\n  order:\n    steps:\n      - step_id: pay\n        compensation_action:\n          timeout: 1s\n", "(5,9): error TOPO1206: saga_compensations.order.steps[0].compensation_action has no 'type'")]
    [InlineData("dlq_config:\n  streams:\n    a.dlq:\n      max_age: 1d\n", "(3,5): error TOPO1308: dlq_config.streams must be a list; begin each item with '- '")]
    [InlineData("dlq_config:\n  streams:\n    - name: a.dlq\n      subjects: a.failed\n", "(4,17): error TOPO1308: dlq_config.streams[0].subjects must be a list; write [a.failed]")]
    [InlineData("retry_config:\n  default:\n    base_delay: 30 sec\n", "(3,17): error TOPO1004: retry_config.default.base_delay must be a duration such as 500ms, 1m30s or 7d (was '30 sec'); did you mean '30s'?")]
    [InlineData("idempotency:\n  ttl: 1 Hour 30 minutes\n", "(2,8): error TOPO1104: idempotency.ttl must be a duration such as 500ms, 1m30s or 7d (was '1 Hour 30 minutes'); did you mean '1h30m'?")]
    [InlineData("idempotency:\n  ttl: 1M\n", "(2,8): error TOPO1104: idempotency.ttl must be a duration such as 500ms, 1m30s or 7d (was '1M')")]
    [InlineData("idempotency:\n  ttl: 3 fortnights\n", "(2,8): error TOPO1104: idempotency.ttl must be a duration such as 500ms, 1m30s or 7d (was '3 fortnights')")]
    [InlineData("idempotency:\n  ttl: 30 s!\n", "(2,8): error TOPO1104: idempotency.ttl must be a duration such as 500ms, 1m30s or 7d (was '30 s!')")]
    [InlineData("retry_config:\n  default:\n    jitter: on\n", "(3,13): error TOPO1005: retry_config.default.jitter must be true, false, none, equal, full, decorrelated or a proportion such as 0.1 (was 'on'); did you mean 'true'?")]
    [InlineData("idempotency:\n  validation:\n    request_hash: No\n", "(3,19): error TOPO1103: idempotency.validation.request_hash must be true or false (was 'No'); did you mean 'false'?")]
    [InlineData("retry_config:\n  default:\n    max_attempts: 1e1\n", "(3,19): error TOPO1003: retry_config.default.max_attempts must be a whole number (was '1e1')")]
    public void A_mistake_is_told_once_with_what_to_write(string text, string expected) =>
        Assert.Equal($"topology.yaml{expected}", Assert.Single(TestHost.Lines(text)));

    [Theory]
    [InlineData("retry_config:\n  api_calls:\n    max_attempts:5\n    base_delay: 1s\n", "(4,15)", "line 3 needs ': ' between its key and what follows")]
    [InlineData("retry_config\n  api_calls:\n    max_attempts: 5\n", "(2,12)", "line 1 needs ': ' between its key and what follows")]
    [InlineData("retry_config:\n  api_calls:\n    max_attempts: 5\n    # why\n\n      base_delay: 1s\n", "(6,7)", "this line is indented below line 3, which has a value already")]
    [InlineData("retry_config:\n  api_calls:\n    max_attempts: 5\n   base_delay: 1s\n", "(4,4)", "this line is indented like none above it")]
    [InlineData("dlq_config:\n  streams:\n    -name: a.dlq\n      max_age: 1d\n", "(4,14)", "line 3 needs a space behind its '-'")]
    [InlineData("idempotency:\n  key_prefix: idempotency:\n", "(2,26)", "a value with ': ' in it, or ':' at its end, needs quotes")]
    [InlineData("idempotency:\r\n  key_prefix: %foo\r\n", "(2,15)", "'%' cannot begin a value; put the value in quotes")]
    [InlineData("retry_config:\n  api_calls:\n    base_delay: \"1s\n    max_delay: 5s\n", "(3,17)", "the quote that opens here is not closed in its line")]
    [InlineData("retry_config:\n  api_calls: {max_attempts: 5\n", "(3,1)", "While parsing a flow mapping, did not find expected ',' or '}'.")]
    public void Broken_yaml_is_told_in_the_words_of_the_file(string text, string place, string expected)
    {
        using var files = new TestFiles();
        Assert.Equal(
            $"topology.yaml{place}: error TOPO1534: not valid YAML: {expected}",
            Assert.Throws<TopologyConfigurationException>(() => files.Configuration(text)).Message);
    }

    [Fact]
    public void A_missing_file_is_told_with_every_place_it_was_looked_for_in()
    {
        using var files = new TestFiles();
        using var configuration = new ConfigurationManager();
        configuration.SetBasePath(files.Root);
        Assert.Equal(
            $"none.yaml(1,1): error TOPO1530: the file does not exist; looked for {Path.Combine(files.Root, "none.yaml")} and {Path.Combine(AppContext.BaseDirectory, "none.yaml")}",
            Assert.Throws<TopologyConfigurationException>(() => configuration.AddTopologyYaml("none.yaml")).Message);
    }
}
