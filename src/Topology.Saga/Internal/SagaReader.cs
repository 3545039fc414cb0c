namespace Topology.Saga.Internal;

internal static class SagaReader
{
    public static async ValueTask<SagaState> ReadAsync(
        ISagaJournal journal, SagaDefinition definition, SagaId id, CancellationToken cancellationToken)
    {
        var state = new SagaState(id, definition);
        foreach (var stored in await journal.ReadAsync(id, 0, cancellationToken).ConfigureAwait(false))
        {
            state.Apply(stored.Version, stored.At, stored.Entry);
        }

        return state;
    }
}
