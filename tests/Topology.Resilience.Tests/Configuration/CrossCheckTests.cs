using Topology.Resilience.Internal.Configuration;

namespace Topology.Resilience.Tests.Configuration;

/// <summary>Settings against what this process registers: errors only for parts that are registered here.</summary>
public sealed class CrossCheckTests
{
    private const string Sagas = "saga_compensations:\n  order:\n    steps:\n      - step_id: pay\n        compensation_action:\n          type: refund\n";

    [Fact]
    public void The_warnings_of_the_specification_are_these()
    {
        Assert.Equal(
            [
                "topology.yaml(173,17): warning TOPO1325: dlq_config.consumers[1].ack_wait (60s) is below retry_config.tool_calls.max_delay (2m); the letter is renewed while it waits",
                "topology.yaml(383,20): warning TOPO1225: saga_compensations.order_processing.steps[0].compensation_action.timeout (30s) is not below idempotency.lease (30s); the claim is renewed while the try runs",
            ],
            TestHost.Findings(TestFiles.SpecYaml, SpecificationTests.Register("everything")).Select(d => d.ToString()));
    }

    [Fact]
    public void What_nobody_here_registers_is_information()
    {
        Assert.Equal(
            [
                "topology.yaml(163,15): info TOPO1324: dlq_config.consumers[0].stream: no processor for 'agent.run.dlq' is registered here",
                "topology.yaml(169,15): info TOPO1324: dlq_config.consumers[1].stream: no processor for 'tool.call.dlq' is registered here",
                "topology.yaml(378,3): info TOPO1224: saga_compensations.order_processing: no saga 'order_processing' is registered here",
            ],
            TestHost.Findings(TestFiles.SpecYaml).Where(d => d.Severity == TopologyDiagnosticSeverity.Info).Select(d => d.ToString()));
    }

    [Fact]
    public void A_step_the_registered_saga_lacks_is_an_error() => Assert.Equal(
        "topology.yaml(4,18): error TOPO1221: saga_compensations.order.steps[0].step_id: saga 'order' has no step 'pay'; did you mean 'pays'?",
        Assert.Single(TestHost.Lines(Sagas, r => Register(r, ["pays", "ship"], "refund"))));

    [Fact]
    public void An_action_nobody_registered_is_an_error_when_the_saga_is_registered() => Assert.Equal(
        "topology.yaml(6,17): error TOPO1222: saga_compensations.order.steps[0].compensation_action.type: no compensation 'refund' is registered; did you mean 'refunds'?",
        Assert.Single(TestHost.Lines(Sagas, r => Register(r, ["pay"], "refunds"))));

    [Fact]
    public void A_saga_that_another_service_runs_is_not_checked_against_code() =>
        Assert.Empty(TestHost.Lines(Sagas, r => r.CompensationActions.Add("other")));

    [Fact]
    public void A_table_whose_name_is_nearly_that_of_a_registered_saga_without_one_is_a_warning()
    {
        Assert.Equal(
            "topology.yaml(2,3): warning TOPO1224: saga_compensations.order: no saga 'order' is registered here, and 'orders' has no table; did you mean 'orders'?",
            TestHost.Findings(Sagas, r => r.Sagas["orders"] = ["pay"]).Single().ToString());
        Assert.Equal(
            "topology.yaml(2,3): info TOPO1224: saga_compensations.order: no saga 'order' is registered here",
            TestHost.Findings(Sagas, r => r.Sagas["shipping"] = ["pay"]).Single().ToString());
    }

    [Theory]
    [InlineData("a.dlq.marks", "A_DLQ_MARKS")]
    [InlineData("a.dlq.delayed", "A_DLQ_DELAYED")]
    public void A_queue_whose_stream_is_the_helper_of_another_is_refused_where_its_name_stands(string name, string physical) => Assert.Equal(
        $"topology.yaml(4,13): error TOPO1309: Dead-letter queue '{name}': name is '{physical}' on a server, as for queue 'a.dlq'; each must be unique.",
        Assert.Single(TestHost.Lines($"dlq_config:\n  streams:\n    - name: a.dlq\n    - name: {name}\n      subjects: [b.failed]\n")));

    [Fact]
    public void A_package_that_refuses_code_says_so_without_a_line()
    {
        using var files = new TestFiles();
        using Microsoft.Extensions.DependencyInjection.ServiceProvider services = TestHost.Services(
            files.Configuration("{}"), more: s => Microsoft.Extensions.DependencyInjection.OptionsServiceCollectionExtensions.Configure<Retry.RetryProfileOptions>(s, "api_calls", o => o.MaxAttempts = 0));
        var e = Assert.Throws<TopologyConfigurationException>(() => ((SettingsMonitor)services.GetService(typeof(SettingsMonitor))!).Check());
        Assert.Equal("code: error TOPO1009: Retry profile 'api_calls': max_attempts is 0; it must be 1 to 100.", e.Message);
    }

    private static void Register(TopologyRegistrations registrations, string[] steps, string action)
    {
        registrations.Sagas["order"] = steps;
        registrations.CompensationActions.Add(action);
    }
}
