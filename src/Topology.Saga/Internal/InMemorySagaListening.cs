namespace Topology.Saga.Internal;

/// <summary>Somebody who listens for a message to a saga, until he is told of one.</summary>
internal sealed class InMemorySagaListening(InMemorySagas sagas, SagaId id, Action heard) : IThreadPoolWorkItem, IDisposable
{
    private InMemorySagaListening? _before;

    /// <summary>Tells everybody, under the saga's lock.</summary>
    public static void TellAll(InMemorySaga saga)
    {
        for (var listening = saga.Listening; listening is not null; listening = listening._before)
        {
            ThreadPool.UnsafeQueueUserWorkItem(listening, preferLocal: false);
        }

        saga.Listening = null;
    }

    /// <summary>Begins to listen, under the saga's lock; returns false when there is a message already.</summary>
    public bool Begin(InMemorySaga saga, long afterSequence)
    {
        if (saga.Messages?.Count > afterSequence)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            return false;
        }

        _before = saga.Listening;
        saga.Listening = this;
        return true;
    }

    public void Execute() => heard();

    public void Dispose()
    {
        if (sagas.Find(id) is not null)
        {
            sagas.Change(id, this, static (saga, listening) => listening.Leave(saga));
        }
    }

    private bool Leave(InMemorySaga saga)
    {
        if (saga.Listening == this)
        {
            saga.Listening = _before;
            return true;
        }

        var after = saga.Listening;
        while (after is not null && after._before != this)
        {
            after = after._before;
        }

        if (after is not null)
        {
            after._before = _before;
        }

        return after is not null;
    }
}
