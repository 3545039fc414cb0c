namespace Topology.Saga.Internal;

internal sealed class InMemorySagaInbox(InMemorySagas sagas) : ISagaInbox
{
    public InMemorySagaInbox()
        : this(new InMemorySagas())
    {
    }

    public ValueTask<long> PostAsync(SagaId id, SagaMessage message, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return new(sagas.Change(id, message, static (saga, message) =>
        {
            saga.Messages ??= [];
            saga.Messages.Add(new(saga.Messages.Count + 1, message));
            InMemorySagaListening.TellAll(saga);
            return (long)saga.Messages.Count;
        }));
    }

    public ValueTask<IReadOnlyList<SagaInboxEntry>> ReadAsync(SagaId id, long afterSequence, bool mayLag, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (sagas.Find(id) is not { } saga)
        {
            return new([]);
        }

        lock (saga)
        {
            return saga.Messages is { } messages && afterSequence < messages.Count ? new(messages[(int)afterSequence..]) : new([]);
        }
    }

    public IDisposable Listen(SagaId id, long afterSequence, Action heard)
    {
        var listening = new InMemorySagaListening(sagas, id, heard);
        sagas.Change(id, (listening, afterSequence), static (saga, asked) => asked.listening.Begin(saga, asked.afterSequence));
        return listening;
    }

    public ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (sagas.Find(id) is not null)
        {
            sagas.Change(id, 0, static (saga, _) => saga.Messages = null);
        }

        return default;
    }
}
