using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Topology.Health;
using Topology.Resilience.Internal.Configuration;
using Topology.Saga;

namespace Topology.Resilience.Tests.Configuration;

/// <summary>The blocks <c>sagas</c> and <c>health</c>: how a process runs, not what the platform is.</summary>
public sealed class ServiceBlockTests
{
    private const string Queue = "dlq_config:\n  streams:\n    - name: a.dlq\n      max_age: ";

    [Theory]
    [InlineData("{}", 30, 38)]
    [InlineData(Queue + "29d\n", 30, 38)]
    [InlineData(Queue + "60d\n", 60, 68)]
    [InlineData(Queue + "60d\nsagas: { longest_start_age: 10d, tombstone_age: 80d }\n", 60, 80)]
    [InlineData(Queue + "400d\n", 365, 373)]
    [InlineData(Queue + "60d\nsagas: { longest_letter_age: 0s, longest_start_age: 0s, tombstone_age: 1d }\n", 0, 1)]
    public void Sagas_are_remembered_for_as_long_as_any_queue_keeps_a_letter(string text, int letterDays, int tombstoneDays)
    {
        SagaOptions options = Get<SagaOptions>(text);
        Assert.Equal((letterDays, tombstoneDays), (options.LongestLetterAge.TotalDays, options.TombstoneAge.TotalDays));
    }

    [Fact]
    public void A_queue_that_code_configures_counts_too() => Assert.Equal(
        98,
        Get<SagaOptions>("{}", s => s.Configure<Dlq.DeadLetterQueueOptions>(Dlq.DeadLetterQueueNames.AgentRun, o => o.MaxAge = TimeSpan.FromDays(90))).TombstoneAge.TotalDays);

    [Theory]
    [InlineData(Queue + "400d\n", "topology.yaml(4,16): warning TOPO1226: dlq_config.streams[0].max_age (400d) is above sagas.longest_letter_age (365d); an older letter may start an ended saga again")]
    [InlineData(Queue + "60d\nsagas: { longest_letter_age: 59d }\n", "topology.yaml(4,16): warning TOPO1226: dlq_config.streams[0].max_age (60d) is above sagas.longest_letter_age (59d); an older letter may start an ended saga again")]
    public void A_letter_that_outlives_the_memory_of_its_saga_is_told_where_sagas_run(string text, string expected)
    {
        Assert.Empty(TestHost.Findings(text));
        Assert.Equal(expected, Assert.Single(TestHost.Findings(text, r => r.Sagas["order"] = ["pay"])).ToString());
    }

    [Theory]
    [InlineData("sagas:\n  tombstone_age: 37d\n", "topology.yaml(2,18): error TOPO1209: Sagas: TombstoneAge is 37.00:00:00; it must be 38.00:00:00")]
    [InlineData("health:\n  period: 9s\n  drain_delay: 21s\n", "topology.yaml(3,16): error TOPO1409: Topology.Health: DrainDelay 00:00:21 and StopBudget 00:00:10 are longer than HostOptions.ShutdownTimeout, which is 00:00:30")]
    [InlineData("health:\n  live_path: /health/ready\n", "topology.yaml(2,14): error TOPO1409: Topology.Health: LivePath, ReadyPath and StartupPath are '/health/ready', '/health/ready', '/health/startup'; they must differ.")]
    [InlineData("health:\n  service_name: gateway\nliveness_probes:\n  gateway:\n    http_get:\n      path: /alive\n", "topology.yaml(6,13): error TOPO1409: liveness_probes.gateway.http_get.path is '/alive'; it must be '/health/live', the LivePath this service answers on.")]
    [InlineData("health:\n  service_name: gateway\nliveness_probes:\n  gateway:\n    http_get:\n      path: alive\n", "topology.yaml(6,13): error TOPO1409: liveness_probes.gateway.http_get.path is 'alive'; it must be a path that starts with '/'.")]
    public void What_a_package_refuses_is_named_where_it_was_written(string text, string expected) =>
        Assert.StartsWith(expected, Assert.Single(TestHost.Lines(text)), StringComparison.Ordinal);

    [Fact]
    public void The_environment_of_a_service_sets_what_is_its_own()
    {
        string prefix = $"T{Guid.NewGuid():N}_";
        Environment.SetEnvironmentVariable(prefix + "Topology__health__service_name", "gateway");
        Environment.SetEnvironmentVariable(prefix + "Topology__health__management_port", "9090");
        Environment.SetEnvironmentVariable(prefix + "Topology__health__drain_delay", "0s");
        Environment.SetEnvironmentVariable(prefix + "Topology__sagas__max_concurrent_sagas", "7");
        using var files = new TestFiles();
        using ConfigurationManager configuration = files.Configuration("health:\n  drain_delay: 3s\n  period: 9s\n", c => c.AddEnvironmentVariables(prefix));
        using ServiceProvider services = TestHost.Services(configuration);
        HealthOptions health = services.GetRequiredService<IOptions<HealthOptions>>().Value;
        Assert.Equal(("gateway", 9090, TimeSpan.Zero, TimeSpan.FromSeconds(9)), (health.ServiceName, health.ManagementPort, health.DrainDelay, health.Period));
        Assert.Equal(7, services.GetRequiredService<IOptions<SagaOptions>>().Value.MaxConcurrentSagas);
    }

    [Fact]
    public void The_probes_of_the_specification_are_written_for_kubernetes_from_the_same_options()
    {
        using var files = new TestFiles();
        using ServiceProvider services = TestHost.Services(files.Configuration(TestFiles.SpecYaml));
        ServiceProbeOptions probes = services.GetRequiredService<IOptionsMonitor<ServiceProbeOptions>>().Get("orchestrator");
        Assert.Equal(
            """
            readinessProbe:
              httpGet:
                path: "/health/ready"
                port: 8000
              initialDelaySeconds: 15
              periodSeconds: 10
              timeoutSeconds: 5
              successThreshold: 1
              failureThreshold: 3
            livenessProbe:
              httpGet:
                path: "/health/live"
                port: 8000
              initialDelaySeconds: 60
              periodSeconds: 30
              timeoutSeconds: 10
              successThreshold: 1
              failureThreshold: 3

            """.ReplaceLineEndings("\n"),
            KubernetesProbes.ToYaml(probes));
    }

    private static T Get<T>(string text, Action<IServiceCollection>? more = null)
        where T : class
    {
        using var files = new TestFiles();
        using ServiceProvider services = TestHost.Services(files.Configuration(text), more: more);
        return services.GetRequiredService<IOptions<T>>().Value;
    }
}
