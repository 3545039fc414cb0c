using System.Collections.Concurrent;

namespace Topology.Saga.Internal;

internal sealed class InMemorySagaEffectGuard : ISagaEffectGuard
{
    // A saga has few effects: they are a chain under one lock, in the order in which they were first asked for.
    private readonly ConcurrentDictionary<SagaId, Records> _sagas = new();

    public async ValueTask<SagaValue> ExecuteAsync(SagaEffectKey key, Func<ValueTask<SagaValue>> effect, CancellationToken cancellationToken)
    {
        var record = Find(key);
        while (Begin(key, record, out var result) is { } running)
        {
            if (result is not null)
            {
                return result;
            }

            await running.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        try
        {
            var result = await effect().ConfigureAwait(false);
            lock (record)
            {
                return record.Sealed ? throw Sealed(key) : record.Result = result;
            }
        }
        finally
        {
            TaskCompletionSource? ended;
            lock (record)
            {
                record.IsRunning = false;
                (ended, record.Ended) = (record.Ended, null);
            }

            ended?.SetResult();
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

    /// <summary>Returns null when the effect is the caller's to run, otherwise the end of the one that runs or has run.</summary>
    private static Task? Begin(SagaEffectKey key, Record record, out SagaValue? result)
    {
        lock (record)
        {
            result = record.Sealed ? throw Sealed(key) : record.Result;
            if (result is not null)
            {
                return Task.CompletedTask;
            }

            if (record.IsRunning)
            {
                return (record.Ended ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }

            record.IsRunning = true;
            return null;
        }
    }

    private Record Find(SagaEffectKey key)
    {
        var records = _sagas.GetOrAdd(key.SagaId, static _ => new());
        lock (records)
        {
            for (var record = records.First; record is not null; record = record.Next)
            {
                if (record.IsOf(key))
                {
                    return record;
                }
            }

            return records.First = new Record(key, records.First);
        }
    }

    private static SagaSealedException Sealed(SagaEffectKey key) => new($"The effect {key} was sealed: its compensation has begun.");

    private sealed class Records
    {
        public Record? First { get; set; }
    }

    private sealed class Record(SagaEffectKey key, Record? next)
    {
        private readonly (string Tenant, string StepId, bool Undo, int Round) _key = (key.Tenant, key.StepId, key.Undo, key.Round);

        public Record? Next => next;

        public SagaValue? Result { get; set; }

        public bool IsRunning { get; set; }

        public bool Sealed { get; set; }

        /// <summary>Told when the effect that runs has ended; made when somebody asks.</summary>
        public TaskCompletionSource? Ended { get; set; }

        public bool IsOf(SagaEffectKey other) => _key == (other.Tenant, other.StepId, other.Undo, other.Round);
    }
}
