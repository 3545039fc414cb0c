using System.Collections.Concurrent;

namespace Topology.Saga.Internal;

internal sealed class InMemorySagaEffectGuard : ISagaEffectGuard
{
    private readonly ConcurrentDictionary<SagaId, ConcurrentDictionary<SagaEffectKey, Record>> _sagas = new();

    public async ValueTask<SagaValue> ExecuteAsync(SagaEffectKey key, Func<ValueTask<SagaValue>> effect, CancellationToken cancellationToken)
    {
        var record = Find(key);
        while (true)
        {
            Task? running;
            TaskCompletionSource? mine = null;
            lock (record)
            {
                if (record.Sealed)
                {
                    throw Sealed(key);
                }

                if (record.Result is { } result)
                {
                    return result;
                }

                running = record.Running;
                if (running is null)
                {
                    mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                    record.Running = mine.Task;
                }
            }

            if (mine is not null)
            {
                return await RunAsync(key, record, mine, effect).ConfigureAwait(false);
            }

            await running!.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public ValueTask<SagaValue?> SealAsync(SagaEffectKey key, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var record = Find(key);
        lock (record)
        {
            record.Sealed = record.Result is null;
            return new(record.Result);
        }
    }

    public ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _sagas.TryRemove(id, out _);
        return default;
    }

    private Record Find(SagaEffectKey key) =>
        _sagas.GetOrAdd(key.SagaId, static _ => new()).GetOrAdd(key, static _ => new Record());

    private static async ValueTask<SagaValue> RunAsync(SagaEffectKey key, Record record, TaskCompletionSource mine, Func<ValueTask<SagaValue>> effect)
    {
        try
        {
            var result = await effect().ConfigureAwait(false);
            lock (record)
            {
                if (record.Sealed)
                {
                    throw Sealed(key);
                }

                record.Result = result;
                return result;
            }
        }
        finally
        {
            lock (record)
            {
                record.Running = null;
            }

            mine.SetResult();
        }
    }

    private static SagaSealedException Sealed(SagaEffectKey key) => new($"The effect {key} was sealed: its compensation has begun.");

    private sealed class Record
    {
        public SagaValue? Result { get; set; }

        public Task? Running { get; set; }

        public bool Sealed { get; set; }
    }
}
