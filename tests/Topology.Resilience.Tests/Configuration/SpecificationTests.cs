using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Topology.Dlq;
using Topology.Health;
using Topology.Resilience.Internal.Configuration;
using Topology.Retry;
using Topology.Saga;

namespace Topology.Resilience.Tests.Configuration;

public sealed class SpecificationTests
{
    private static readonly string[] s_actions = ["refund_transaction", "restore_inventory", "send_cancellation_email", "revert_crm_status"];
    private static readonly string[] s_steps = ["payment_authorization", "inventory_reservation", "email_notification", "crm_update"];

    [Theory]
    [InlineData("nothing")]
    [InlineData("something")]
    [InlineData("everything")]
    public void The_verbatim_specification_has_no_error_with(string registered)
    {
        Assert.Empty(TestHost.Lines(TestFiles.SpecYaml, Register(registered)));
    }

    [Fact]
    public void The_specification_itself_is_a_source()
    {
        var configuration = new ConfigurationManager();
        configuration.AddTopologyYaml(TestFiles.SpecPath, reloadOnChange: false);
        Assert.Equal("500ms", configuration["Topology:retry_config:api_calls:base_delay"]);
        using ServiceProvider services = TestHost.Services(configuration);
        services.GetRequiredService<SettingsMonitor>().Check();
        Assert.Equal(223, services.GetRequiredService<SettingsMonitor>().Current.Root.Find("retry_config.api_calls.base_delay")!.Origin.Line);
    }

    [Fact]
    public void Every_value_of_the_specification_reaches_its_option()
    {
        using var files = new TestFiles();
        using ServiceProvider services = TestHost.Services(files.Configuration(TestFiles.SpecYaml));
        RetryProfileOptions database = Get<RetryProfileOptions>(services, "database_operations");
        Assert.Equal(
            (3, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5), 1.5, RetryJitter.Proportional(0.1)),
            (database.MaxAttempts, database.BaseDelay, database.MaxDelay, database.ExponentialBase, database.Jitter));
        Assert.Equal(TimeSpan.FromSeconds(120), Get<RetryProfileOptions>(services, "tool_calls").MaxDelay);
        DeadLetterQueueOptions tool = Get<DeadLetterQueueOptions>(services, "tool.call.dlq");
        Assert.Equal((TimeSpan.FromDays(3), DeadLetterStorage.File, "tool.call.failed"), (tool.MaxAge, tool.Storage, Assert.Single(tool.Subjects)));
        Assert.Equal(("tool-dlq-processor", 5, TimeSpan.FromMinutes(1)), (tool.Consumer!.Name, tool.Consumer.MaxDeliver, tool.Consumer.AckWait));
        Assert.Null(Get<DeadLetterQueueOptions>(services, "workflow.compensation.dlq").Consumer);
        SagaCompensationTableOptions table = Get<SagaCompensationTableOptions>(services, "order_processing");
        Assert.Equal(s_steps, table.Steps.Select(s => s.StepId));
        Assert.Equal(s_actions, table.Steps.Select(s => s.CompensationAction.Type));
        Assert.Equal([30, 15, 10, 20], table.Steps.Select(s => s.CompensationAction.Timeout.TotalSeconds));
        Assert.Equal([3, 3, 2, 3], table.Steps.Select(s => s.CompensationAction.RetryCount));
        var idempotency = Get<Idempotency.IdempotencyOptions>(services, "");
        Assert.Equal((TimeSpan.FromHours(1), TimeSpan.FromMinutes(5)), (idempotency.Ttl, idempotency.TimestampTolerance));
        ServiceProbeOptions router = Get<ServiceProbeOptions>(services, "router-service");
        Assert.Equal(("/health/ready", 5), (router.Readiness!.Path, router.Readiness.InitialDelaySeconds));
        Assert.Null(router.Liveness);
        ProbeOptions live = Get<ServiceProbeOptions>(services, "orchestrator").Liveness!;
        Assert.Equal((60, 30, 10), (live.InitialDelaySeconds, live.PeriodSeconds, live.TimeoutSeconds));
    }

    internal static Action<TopologyRegistrations> Register(string what) => registrations =>
    {
        if (what is "something")
        {
            registrations.Sagas["shipping"] = ["pick", "pack"];
            registrations.CompensationActions.Add("unpack");
        }

        if (what is "everything")
        {
            registrations.Sagas["order_processing"] = s_steps;
            registrations.CompensationActions.UnionWith(s_actions);
            registrations.QueueProcessors.UnionWith([DeadLetterQueueNames.AgentRun, DeadLetterQueueNames.ToolCall, DeadLetterQueueNames.WorkflowCompensation]);
        }
    };

    private static T Get<T>(IServiceProvider services, string name) => services.GetRequiredService<IOptionsMonitor<T>>().Get(name);
}
