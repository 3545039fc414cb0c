namespace Topology.Saga.Internal;

internal static class SagaReader
{
    public static async ValueTask<SagaState> ReadAsync(
        ISagaJournal journal, SagaDefinition definition, SagaId id, CancellationToken cancellationToken)
    {
        return Read(definition, id, await journal.ReadAsync(id, 0, cancellationToken).ConfigureAwait(false));
    }

    public static SagaState Read(SagaDefinition definition, SagaId id, IReadOnlyList<SagaStoredEntry> entries)
    {
        var state = new SagaState(id, definition);
        for (var i = 0; i < entries.Count; i++)
        {
            state.Apply(entries[i].Version, entries[i].At, entries[i].Entry);
        }

        return state;
    }
}
