namespace Topology.Saga.Internal;

/// <summary>Another owner has written: walk away without an effect, an ack or a word to the queue.</summary>
internal sealed class SagaFencedException(SagaId id) : SagaException($"Saga {id} has another owner.");
