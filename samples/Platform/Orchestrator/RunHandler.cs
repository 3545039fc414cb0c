using System.Text.Json;
using Platform.ServiceDefaults.Messages;
using Topology.Dlq;
using Topology.Resilience;
using Topology.Saga;

namespace Platform.Orchestrator;

/// <summary>Begins the saga of a run. A run that fails from here on is the saga's matter, never the message's.</summary>
internal sealed class RunHandler(ISagaClient sagas) : IWorkHandler
{
    public async ValueTask<WorkVerdict> HandleAsync(WorkMessage message, CancellationToken cancellationToken)
    {
        try
        {
            var run = JsonSerializer.Deserialize(message.Body.Span, PlatformJson.Default.RunRequested)!;
            await sagas.StartRunAsync(
                OrderRun.Definition, run.RunId, run, message.RedriveCount, new SagaStartOptions { Tenant = run.Tenant }, cancellationToken);
            return WorkVerdict.Done;
        }
        catch (JsonException error)
        {
            return WorkVerdict.DeadLetter(DeadLetterReasons.Undecodable, error);
        }
        catch (SagaConflictException error)
        {
            return WorkVerdict.DeadLetter(DeadLetterReasons.Rejected, error); // another order under the same run: no try can cure that
        }
    }
}
