using Topology.Dlq;
using Topology.Saga;

namespace Topology.Resilience.Internal;

/// <summary>The run of a letter of <c>agent.run.dlq</c> is cancelled and compensated, if it ever began and has not ended.</summary>
internal sealed class CancelRunStep(ISagaClient sagas, RunDefinition runs) : IDeadLetterStep
{
    public string Name => "cancel-run";

    public async ValueTask RunAsync(DeadLetter letter, CancellationToken cancellationToken)
    {
        if (string.IsNullOrEmpty(letter.WorkflowId))
        {
            return;
        }

        var run = SagaId.TryParse(letter.WorkflowId, out var id) && id.Definition == runs.Name ? id.Value : letter.WorkflowId;
        if (await RunIds.FindLatestAsync(sagas, runs.Name, run, letter.RedriveCount, cancellationToken).ConfigureAwait(false) is ({ } saga, _)
            && (!saga.IsSettled || saga.Status == SagaStatus.Parked))
        {
            await sagas.CancelAsync(saga.Id, $"Its message is dead letter {letter.Id}: {letter.Reason}.", compensate: true, cancellationToken).ConfigureAwait(false);
        }
    }
}
