using Topology.Dlq;
using Topology.Saga;

namespace Topology.Resilience.Internal;

/// <summary>A redriven letter of <c>workflow.compensation.dlq</c> is a retry of its saga.</summary>
internal sealed class SagaRedriveTarget(ISagaClient sagas, ISagaOperator @operator) : IRedriveTarget
{
    public async ValueTask RedriveAsync(DeadLetter letter, string redriveId, CancellationToken cancellationToken)
    {
        var stepId = letter.FindHeader(SagaDeadLetters.StepHeader);
        if (!SagaId.TryParse(letter.WorkflowId, out var id) || stepId is null)
        {
            throw new DeadLetterException($"Letter {letter.Id} names no saga and step; it was not published by a saga. Discard it.");
        }

        var saga = await sagas.GetAsync(id, cancellationToken).ConfigureAwait(false)
            ?? throw new DeadLetterException($"Letter {letter.Id}: saga {id} does not exist any more. Discard it.");

        // The same redrive may come twice, and an operator may have been faster: then the letter's matter is already decided.
        var step = saga.Steps.FirstOrDefault(step => step.StepId == stepId);
        if (step?.LetterId == letter.Id && step.Status == SagaStepStatus.Exhausted)
        {
            var retry = new SagaMessage.Decision(SagaVerb.Retry, stepId, "redrive", redriveId) { Seen = saga.Version };
            await @operator.DecideAsync(id, retry, cancellationToken).ConfigureAwait(false);
        }
    }
}
