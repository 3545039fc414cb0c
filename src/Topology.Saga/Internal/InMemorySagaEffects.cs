namespace Topology.Saga.Internal;

/// <summary>The effects of one saga: a saga has few, so they are a list in the order in which they were first asked for. Used under a lock on it.</summary>
internal sealed class InMemorySagaEffects
{
    private Effect[] _effects = new Effect[4];
    private int _count;

    /// <summary>Returns the effect of a key of this saga.</summary>
    public ref Effect Find(SagaEffectKey key)
    {
        for (var i = 0; i < _count; i++)
        {
            ref var known = ref _effects[i];
            if (known.StepId == key.StepId && known.Tenant == key.Tenant && known.Round == key.Round && known.Undo == key.Undo)
            {
                return ref known;
            }
        }

        if (_count == _effects.Length)
        {
            Array.Resize(ref _effects, _count * 2);
        }

        ref var effect = ref _effects[_count++];
        (effect.Tenant, effect.StepId, effect.Round, effect.Undo) = (key.Tenant, key.StepId, key.Round, key.Undo);
        return ref effect;
    }

    internal struct Effect
    {
        private object? _outcome;

        public string Tenant { get; set; }

        public string StepId { get; set; }

        public int Round { get; set; }

        public bool Undo { get; set; }

        public bool IsRunning { get; set; }

        public bool IsSealed { get; set; }

        public SagaValue? Result
        {
            readonly get => _outcome as SagaValue;
            set => _outcome = value;
        }

        /// <summary>Gets what is told when the effect that runs has ended.</summary>
        public Task Ended => ((TaskCompletionSource)(_outcome ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))).Task;

        /// <summary>The effect that ran has ended; returns who is to be told.</summary>
        public TaskCompletionSource? End()
        {
            var waiting = _outcome as TaskCompletionSource;
            (_outcome, IsRunning) = (null, false);
            return waiting;
        }
    }
}
