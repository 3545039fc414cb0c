using System.Runtime.CompilerServices;

namespace Topology.Saga.Internal;

internal sealed class InMemorySagaEffectGuard(InMemorySagas sagas) : ISagaEffectGuard
{
    public InMemorySagaEffectGuard()
        : this(new InMemorySagas())
    {
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<SagaValue?> ExecuteAsync(SagaEffectKey key, Func<ValueTask<SagaValue?>> effect, CancellationToken cancellationToken)
    {
        var effects = Effects(key.SagaId);
        while (Begin(effects, key, out var known) is { } running)
        {
            if (known is not null)
            {
                return known;
            }

            await running.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        SagaValue? result = null;
        var isSealed = false;
        try
        {
            result = await effect().ConfigureAwait(false);
        }
        finally
        {
            isSealed = End(effects, key, result);
        }

        return isSealed && result is not null ? throw Sealed(key) : result;
    }

    public ValueTask<SagaValue?> SealAsync(SagaEffectKey key, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var effects = Effects(key.SagaId);
        lock (effects)
        {
            ref var effect = ref effects.Find(key);
            effect.IsSealed = effect.Result is null;
            return new(effect.Result);
        }
    }

    public ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (sagas.Find(id) is not null)
        {
            sagas.Change(id, 0, static (saga, _) => saga.Effects = null);
        }

        return default;
    }

    /// <summary>Returns null when the effect is the caller's to run, otherwise the end of the one that runs or has run.</summary>
    private static Task? Begin(InMemorySagaEffects effects, SagaEffectKey key, out SagaValue? result)
    {
        lock (effects)
        {
            ref var effect = ref effects.Find(key);
            result = effect.IsSealed ? throw Sealed(key) : effect.Result;
            if (result is not null)
            {
                return Task.CompletedTask;
            }

            if (effect.IsRunning)
            {
                return effect.Ended;
            }

            effect.IsRunning = true;
            return null;
        }
    }

    /// <summary>Keeps the result, unless the key was sealed while the effect ran; returns whether it was.</summary>
    private static bool End(InMemorySagaEffects effects, SagaEffectKey key, SagaValue? result)
    {
        TaskCompletionSource? waiting;
        bool isSealed;
        lock (effects)
        {
            ref var effect = ref effects.Find(key);
            waiting = effect.End();
            isSealed = effect.IsSealed;
            effect.Result = isSealed ? null : result;
        }

        waiting?.SetResult();
        return isSealed;
    }

    private InMemorySagaEffects Effects(SagaId id) => sagas.Change(id, 0, static (saga, _) => saga.Effects ??= new());

    private static SagaSealedException Sealed(SagaEffectKey key) => new($"The effect {key} was sealed: its compensation has begun.");
}
