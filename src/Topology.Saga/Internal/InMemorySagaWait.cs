namespace Topology.Saga.Internal;

/// <summary>Somebody who waits for a message to a saga.</summary>
internal sealed class InMemorySagaWait(InMemorySagas sagas, SagaId id) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
{
    private InMemorySagaWait? _before;

    /// <summary>Tells everybody, under the saga's lock.</summary>
    public static void EndAll(InMemorySaga saga)
    {
        for (var wait = saga.Waiting; wait is not null; wait = wait._before)
        {
            wait.TrySetResult();
        }

        saga.Waiting = null;
    }

    /// <summary>Begins to wait, under the saga's lock; returns false when there is a message already.</summary>
    public bool Begin(InMemorySaga saga, long afterSequence)
    {
        if (saga.Messages?.Count > afterSequence)
        {
            return false;
        }

        _before = saga.Waiting;
        saga.Waiting = this;
        return true;
    }

    public Task Until(CancellationToken cancellationToken)
    {
        // Whoever ends the wait has no use for the registration: it goes with its token.
        cancellationToken.UnsafeRegister(static (wait, token) => ((InMemorySagaWait)wait!).Cancel(token), this);
        return Task;
    }

    private void Cancel(CancellationToken token)
    {
        if (TrySetCanceled(token))
        {
            sagas.Change(id, this, static (saga, wait) => wait.Leave(saga));
        }
    }

    private bool Leave(InMemorySaga saga)
    {
        if (saga.Waiting == this)
        {
            saga.Waiting = _before;
            return true;
        }

        var after = saga.Waiting;
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
