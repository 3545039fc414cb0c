using Microsoft.Extensions.DependencyInjection;
using NATS.Client.Core;

namespace Topology.Dlq.Tests;

/// <summary>The code of the package's README.</summary>
internal static class ReadmeExamples
{
    public static void Register(IServiceCollection services)
    {
        #region register
        services.AddTopologyDlq(); // agent.run.dlq, tool.call.dlq, workflow.compensation.dlq
        services.AddInMemoryDeadLetterQueues(); // or AddJetStreamDeadLetterQueues(), on the registered INatsConnection
        services.AddDeadLetterProcessor<RunProcessor>(DeadLetterQueueNames.AgentRun);
        services.AddRedriveTarget<RunAgain>(DeadLetterQueueNames.AgentRun);
        #endregion
    }

    public static void RegisterOnAServer(IServiceCollection services, INatsConnection connection)
    {
        #region server
        services.AddSingleton(connection);
        services.AddTopologyDlq();
        services.AddJetStreamDeadLetterQueues(options => options.Provision = DeadLetterProvisioning.Create);
        services.AddGuardedConsumer<RunHandler>("orchestrator", options => options.Stream = "AGENT_RUNS"); // fails into agent.run.dlq
        services.AddDeadLetterStep<CancelRun>(DeadLetterQueueNames.AgentRun); // record, cancel the run, alert
        services.AddToolCallHandler<CallTool>(); // tool.call.dlq: again after 2, 4, 8, 16, 32 s, then parked
        services.AddSourceRedriveTarget(DeadLetterQueueNames.AgentRun); // back into AGENT_RUNS, for "orchestrator"
        services.AddDeadLetterWebhook("on-call", new Uri("https://alerts.example/hook"));
        #endregion
    }

    public static async Task Use(
        IDeadLetterPublisher publisher, IDeadLetterStore store, IDeadLetterRedrive redrive, string runId, string tenant, byte[] bytes,
        DateTimeOffset first, DateTimeOffset last, Exception error, CancellationToken cancellationToken)
    {
        #region use
        var receipt = await publisher.PublishAsync(
            new DeadLetter
            {
                Queue = DeadLetterQueueNames.AgentRun,
                Id = DeadLetterId.Of("run", runId), // the same failure, the same id
                Subject = "agent.run.requested",
                Tenant = tenant,
                Reason = DeadLetterReasons.MaxAttempts,
                Body = bytes,
                ContentType = "application/json",
                FirstFailedAt = first,
                LastFailedAt = last,
                Attempts = 3,
                WorkflowId = runId,
            }.WithError(error),
            cancellationToken);

        var groups = await store.GroupAsync(new DeadLetterQuery(DeadLetterQueueNames.AgentRun), cancellationToken);
        var alike = new DeadLetterQuery(DeadLetterQueueNames.AgentRun) { Fingerprint = groups[0].Fingerprint };
        var plan = await redrive.PlanAsync(new RedriveRequest(alike), cancellationToken);
        #endregion
        _ = (receipt, plan);
    }

    private sealed class RunProcessor : IDeadLetterProcessor
    {
        public ValueTask<DeadLetterVerdict> ProcessAsync(DeadLetterContext context, CancellationToken cancellationToken) =>
            ValueTask.FromResult(DeadLetterVerdict.Done);
    }

    private sealed class RunHandler : IWorkHandler
    {
        public ValueTask<WorkVerdict> HandleAsync(WorkMessage message, CancellationToken cancellationToken) => ValueTask.FromResult(WorkVerdict.Done);
    }

    private sealed class CancelRun : IDeadLetterStep
    {
        public string Name => "cancel-run";

        public ValueTask RunAsync(DeadLetter letter, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }

    private sealed class CallTool : IToolCallHandler
    {
        public ValueTask CallAsync(DeadLetter letter, int attempt, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }

    private sealed class RunAgain : IRedriveTarget
    {
        public ValueTask RedriveAsync(DeadLetter letter, string redriveId, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }
}
