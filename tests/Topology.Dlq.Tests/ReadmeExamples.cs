using Microsoft.Extensions.DependencyInjection;

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

    private sealed class RunAgain : IRedriveTarget
    {
        public ValueTask RedriveAsync(DeadLetter letter, string redriveId, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }
}
