using System.Collections.Concurrent;

namespace Topology.Saga.Internal;

/// <summary>What this process remembers of its sagas, one object for each, whichever part of the store is asked. Thread safe.</summary>
internal sealed class InMemorySagas
{
    private readonly ConcurrentDictionary<SagaId, InMemorySaga> _sagas = new();

    public IEnumerable<KeyValuePair<SagaId, InMemorySaga>> All => _sagas;

    public InMemorySaga? Find(SagaId id) => _sagas.GetValueOrDefault(id);

    /// <summary>Changes what is remembered of a saga, alone; what is empty afterwards is not remembered.</summary>
    public T Change<TArgument, T>(SagaId id, TArgument argument, Func<InMemorySaga, TArgument, T> change)
    {
        while (true)
        {
            var saga = _sagas.GetOrAdd(id, static _ => new());
            lock (saga)
            {
                if (saga.IsGone)
                {
                    continue;
                }

                var result = change(saga, argument);
                saga.IsGone = saga.IsEmpty && _sagas.TryRemove(new(id, saga));
                return result;
            }
        }
    }
}
