using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Topology.Dlq.Tests;

public sealed class DeadLetterOptionsTests
{
    [Fact]
    public void The_three_queues_of_the_specification_need_no_configuration()
    {
        var run = Queue(DeadLetterQueueNames.AgentRun);
        Assert.Equal(["agent.run.failed"], run.Subjects);
        Assert.Equal(TimeSpan.FromDays(7), run.MaxAge);
        Assert.Equal(("dlq-processor", 3, TimeSpan.FromSeconds(30)), (run.Consumer!.Name, run.Consumer.MaxDeliver, run.Consumer.AckWait));
        var tool = Queue(DeadLetterQueueNames.ToolCall);
        Assert.Equal(["tool.call.failed"], tool.Subjects);
        Assert.Equal(TimeSpan.FromDays(3), tool.MaxAge);
        Assert.Equal(("tool-dlq-processor", 5, TimeSpan.FromSeconds(60)), (tool.Consumer!.Name, tool.Consumer.MaxDeliver, tool.Consumer.AckWait));
        var compensation = Queue(DeadLetterQueueNames.WorkflowCompensation);
        Assert.Equal(["workflow.compensation.failed"], compensation.Subjects);
        Assert.Equal(TimeSpan.FromDays(30), compensation.MaxAge);
        Assert.Null(compensation.Consumer);
        Assert.All([run, tool, compensation], queue => Assert.Equal(DeadLetterStorage.File, queue.Storage));

        static DeadLetterQueueOptions Queue(string name) => Build(_ => { }).GetRequiredService<IOptionsMonitor<DeadLetterQueueOptions>>().Get(name);
    }

    [Fact]
    public void A_queue_configured_before_the_package_is_added_keeps_what_it_was_given()
    {
        var services = new ServiceCollection();
        services.Configure<DeadLetterQueueOptions>(DeadLetterQueueNames.AgentRun, options =>
        {
            options.MaxAge = TimeSpan.FromDays(1);
            options.Subjects.Add("runs.dead");
        });
        services.AddTopologyDlq();
        var queue = services.BuildServiceProvider().GetRequiredService<IOptionsMonitor<DeadLetterQueueOptions>>().Get(DeadLetterQueueNames.AgentRun);
        Assert.Equal(TimeSpan.FromDays(1), queue.MaxAge);
        Assert.Equal(["runs.dead"], queue.Subjects);
    }

    [Fact]
    public void Adding_twice_is_adding_once_and_returns_the_services()
    {
        var services = new ServiceCollection();
        Assert.Same(services, services.AddTopologyDlq());
        Assert.Same(services, services.AddInMemoryDeadLetterQueues());
        services.AddDeadLetterProcessor<NoProcessor>("q").AddRedriveTarget<NoTarget>("q").AddDeadLetterAlertSink<NoSink>();
        var count = services.Count(service => service.ServiceType.Namespace != "Microsoft.Extensions.Options");
        services.AddTopologyDlq().AddInMemoryDeadLetterQueues();
        services.AddDeadLetterProcessor<NoProcessor>("q").AddRedriveTarget<NoTarget>("q").AddDeadLetterAlertSink<NoSink>();
        Assert.Equal(count, services.Count(service => service.ServiceType.Namespace != "Microsoft.Extensions.Options"));
    }

    [Fact]
    public async Task A_missing_provider_is_named_with_the_line_to_add()
    {
        using var host = new HostBuilder().ConfigureServices(services => services.AddTopologyDlq()).Build();
        var missing = await Assert.ThrowsAsync<InvalidOperationException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains("AddInMemoryDeadLetterQueues()", missing.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, Action<IServiceCollection>> Wrong => new()
    {
        { "'agent.run.dlq': max_age is 00:00:59; it must be 1 minute to 3650 days", Run(queue => queue.MaxAge = TimeSpan.FromSeconds(59)) },
        { "'agent.run.dlq': max_age is 3650.00:00:00.0000001; it must be", Run(queue => queue.MaxAge = TimeSpan.FromDays(3650) + TimeSpan.FromTicks(1)) },
        { "'agent.run.dlq': max_bytes is 1048575; it must be 1048576", Run(queue => queue.MaxBytes = (1 << 20) - 1) },
        { "'agent.run.dlq': storage is 7; it must be file or memory", Run(queue => queue.Storage = (DeadLetterStorage)7) },
        { "'agent.run.dlq': subjects holds 'a.*'; a subject must be", Run(queue => queue.Subjects.Add("a.*")) },
        { "'agent.run.dlq': consumer max_deliver is 0; it must be 1 to 100", Run(queue => queue.Consumer!.MaxDeliver = 0) },
        { "'agent.run.dlq': consumer max_deliver is 101; it must be 1 to 100", Run(queue => queue.Consumer!.MaxDeliver = 101) },
        { "'agent.run.dlq': consumer ack_wait is 00:00:00.9990000; it must be 1 second to 1 hour", Run(queue => queue.Consumer!.AckWait = TimeSpan.FromMilliseconds(999)) },
        { "'agent.run.dlq': consumer ack_wait is 01:00:00.0010000; it must be", Run(queue => queue.Consumer!.AckWait = TimeSpan.FromMilliseconds(3_600_001)) },
        { "'agent.run.dlq': consumer name is 'a.b'; it must be", Run(queue => queue.Consumer!.Name = "a.b") },
        { "sample_interval is 00:00:00.9990000; it must be 1 second to 1 hour", All(options => options.SampleInterval = TimeSpan.FromMilliseconds(999)) },
        { "'a b': name must be", All(options => options.QueueNames.Add("a b")) },
        { "'runs': subjects is empty", All(options => options.QueueNames.Add("runs")) },
        { "'agent_run.dlq': name is 'AGENT_RUN_DLQ' on a server, as for queue 'agent.run.dlq'", All(options => options.QueueNames.Add("agent_run.dlq")) },
        { "name is 'AGENT_RUN_DLQ_MARKS' on a server", All(options => options.QueueNames.Add("agent.run.dlq.marks")) },
        { "'tool.call.dlq': subjects holds 'agent.run.failed.x', which queue 'agent.run.dlq' takes with 'agent.run.failed'",
            services => services.Configure<DeadLetterQueueOptions>(DeadLetterQueueNames.ToolCall, queue => queue.Subjects.Add("agent.run.failed.x")) },
        { "'agent.run.dlq': subjects holds 'x' twice", Run(queue => { queue.Subjects.Add("x"); queue.Subjects.Add("x"); }) },
        { "'nowhere': processor NoProcessor is registered for it", services => services.AddDeadLetterProcessor<NoProcessor>("nowhere") },
        { "'agent.run.dlq': processor is registered 2 times (NoProcessor, OtherProcessor)",
            services => services.AddDeadLetterProcessor<NoProcessor>("agent.run.dlq").AddDeadLetterProcessor<OtherProcessor>("agent.run.dlq") },
        { "'nowhere': redrive target NoTarget is registered for it", services => services.AddRedriveTarget<NoTarget>("nowhere") },
    };

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public async Task A_wrong_value_stops_the_start_with_its_key_its_value_and_its_range(string message, Action<IServiceCollection> configure)
    {
        using var host = new HostBuilder().ConfigureServices(services =>
        {
            services.AddTopologyDlq().AddInMemoryDeadLetterQueues();
            configure(services);
        }).Build();
        var invalid = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains(message, invalid.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_bounds_themselves_are_accepted()
    {
        foreach (var configure in new[]
        {
            Run(queue => { queue.MaxAge = TimeSpan.FromMinutes(1); queue.MaxBytes = 1 << 20; queue.Consumer = new() { Name = "a", MaxDeliver = 1, AckWait = TimeSpan.FromSeconds(1) }; }),
            Run(queue => { queue.MaxAge = TimeSpan.FromDays(3650); queue.Consumer = new() { Name = "a", MaxDeliver = 100, AckWait = TimeSpan.FromHours(1) }; }),
            All(options => options.SampleInterval = TimeSpan.FromSeconds(1)),
            All(options => options.SampleInterval = TimeSpan.FromHours(1)),
        })
        {
            using var host = new HostBuilder().ConfigureServices(services =>
            {
                services.AddTopologyDlq().AddInMemoryDeadLetterQueues();
                configure(services);
            }).Build();
            await host.StartAsync(TestContext.Current.CancellationToken);
            await host.StopAsync(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public void Ids_are_the_same_everywhere_and_differ_when_parts_move()
    {
        Assert.Equal("34faa3f1ba0d4ba5b8ad2a9bea3a1f54".Length, DeadLetterId.Of("a", "b").Length);
        Assert.Equal(DeadLetterId.Of("a", "b"), DeadLetterId.Of("a", "b"));
        Assert.NotEqual(DeadLetterId.Of("ab", ""), DeadLetterId.Of("a", "b"));
        Assert.Throws<ArgumentException>(() => DeadLetterId.Of());
    }

    [Theory]
    [InlineData("agent.run.dlq", "AGENT_RUN_DLQ")]
    [InlineData("tool.call.dlq", "TOOL_CALL_DLQ")]
    [InlineData("workflow.compensation.dlq", "WORKFLOW_COMPENSATION_DLQ")]
    public void The_physical_name_follows_one_rule(string logical, string physical) =>
        Assert.Equal(physical, DeadLetterQueueNames.ToPhysical(logical));

    private static Action<IServiceCollection> Run(Action<DeadLetterQueueOptions> configure) =>
        services => services.Configure(DeadLetterQueueNames.AgentRun, configure);

    private static Action<IServiceCollection> All(Action<DeadLetterOptions> configure) => services => services.Configure(configure);

    private static ServiceProvider Build(Action<DeadLetterOptions> configure) =>
        new ServiceCollection().AddTopologyDlq(configure).AddInMemoryDeadLetterQueues().BuildServiceProvider();

    private sealed class NoProcessor : IDeadLetterProcessor
    {
        public ValueTask<DeadLetterVerdict> ProcessAsync(DeadLetterContext context, CancellationToken cancellationToken) => default;
    }

    private sealed class OtherProcessor : IDeadLetterProcessor
    {
        public ValueTask<DeadLetterVerdict> ProcessAsync(DeadLetterContext context, CancellationToken cancellationToken) => default;
    }

    private sealed class NoTarget : IRedriveTarget
    {
        public ValueTask RedriveAsync(DeadLetter letter, string redriveId, CancellationToken cancellationToken) => default;
    }

    private sealed class NoSink : IDeadLetterAlertSink
    {
        public string Name => "none";

        public ValueTask SendAsync(DeadLetterAlert alert, CancellationToken cancellationToken) => default;
    }
}
