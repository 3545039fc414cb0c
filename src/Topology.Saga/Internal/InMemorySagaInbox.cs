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
            InMemorySagaWait.EndAll(saga);
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

    public Task WaitAsync(SagaId id, long afterSequence, CancellationToken cancellationToken)
    {
        var wait = new InMemorySagaWait(sagas, id);
        return sagas.Change(id, (wait, afterSequence), static (saga, asked) => asked.wait.Begin(saga, asked.afterSequence))
            ? wait.Until(cancellationToken)
            : Task.CompletedTask;
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
