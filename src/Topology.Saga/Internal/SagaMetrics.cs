using System.Diagnostics.Metrics;

namespace Topology.Saga.Internal;

internal sealed class SagaMetrics
{
    private readonly UpDownCounter<long>? _active;
    private readonly Counter<long>? _compensations;
    private readonly Histogram<double>? _durations;
    private readonly Counter<long>? _fenced;
    private readonly Counter<long>? _settled;
    private readonly Counter<long>? _takeovers;
    private readonly Histogram<double>? _tries;

    public SagaMetrics(SagaBoard board, IMeterFactory? factory = null)
    {
        if (factory is null)
        {
            return;
        }

#pragma warning disable CA2000 // the factory owns it
        var meter = factory.Create("Topology.Saga");
#pragma warning restore CA2000
        _compensations = meter.CreateCounter<long>("saga_compensations_total", null, "Total Saga compensations executed");
        _settled = meter.CreateCounter<long>("topology.saga.settled", "{saga}", "Sagas that ended or came to rest");
        _takeovers = meter.CreateCounter<long>("topology.saga.takeovers", "{takeover}", "Sagas taken over from an owner that is gone");
        _fenced = meter.CreateCounter<long>("topology.saga.fenced", "{saga}", "Owners that let go of a saga because another had taken it");
        _durations = meter.CreateHistogram<double>("topology.saga.duration", "s", "From the start of a saga to its end or rest, by the store's clock");
        _tries = meter.CreateHistogram<double>("topology.saga.try.duration", "s", "One try of a step or compensation");
        meter.CreateObservableUpDownCounter("topology.saga.parked", () => (long)board.Resting, "{saga}", "Sagas this process brought to rest that wait for an operator");
        _active = meter.CreateUpDownCounter<long>("topology.saga.active", "{saga}", "Sagas this process is running");
    }

    public void Compensated(string saga, string action, bool succeeded)
    {
        if (_compensations is { Enabled: true })
        {
            _compensations.Add(1, new("saga", saga), new("action", action), new("outcome", succeeded ? "succeeded" : "exhausted"));
        }
    }

    public void Settled(SagaState state)
    {
        if (_settled is not { Enabled: true } && _durations is not { Enabled: true })
        {
            return;
        }

        KeyValuePair<string, object?> saga = new("saga", state.Id.Definition), status = new("status", state.Settled.ToString());
        if (_settled is { Enabled: true })
        {
            _settled.Add(1, saga, status);
        }

        if (_durations is { Enabled: true })
        {
            _durations.Record((state.LastAt - state.StartedAt).TotalSeconds, saga, status);
        }
    }

    public bool MeasuresTries => _tries is { Enabled: true };

    /// <summary>Takes the time of a try that was begun while <see cref="MeasuresTries"/>.</summary>
    public void Tried(SagaTry @try, TimeProvider time, long begun, Exception? error)
    {
        if (begun != 0 && _tries is { Enabled: true })
        {
            _tries.Record(
                time.GetElapsedTime(begun).TotalSeconds,
                new("saga", @try.Key.SagaId.Definition),
                new("step", @try.Key.StepId),
                new("direction", @try.Key.Undo ? "undo" : "do"),
                new("error.type", error?.GetType().FullName));
        }
    }

    public void Fenced(string saga)
    {
        if (_fenced is { Enabled: true })
        {
            _fenced.Add(1, new KeyValuePair<string, object?>("saga", saga));
        }
    }

    public void TookOver(string saga)
    {
        if (_takeovers is { Enabled: true })
        {
            _takeovers.Add(1, new KeyValuePair<string, object?>("saga", saga));
        }
    }

    public ActiveSaga Active(string saga) => new(_active, saga);

    internal readonly struct ActiveSaga : IDisposable
    {
        private readonly UpDownCounter<long>? _counter;
        private readonly KeyValuePair<string, object?> _tag;

        public ActiveSaga(UpDownCounter<long>? counter, string saga)
        {
            _counter = counter;
            _tag = new("saga", saga);
            _counter?.Add(1, _tag);
        }

        public void Dispose() => _counter?.Add(-1, _tag);
    }
}
