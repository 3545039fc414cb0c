using System.Diagnostics.Metrics;

namespace Topology.Saga.Internal;

internal sealed class SagaMetrics
{
    private readonly UpDownCounter<long>? _active;
    private readonly Counter<long>? _compensations;
    private readonly Counter<long>? _settled;
    private readonly Counter<long>? _takeovers;

    public SagaMetrics(IMeterFactory? factory = null)
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
        _active = meter.CreateUpDownCounter<long>("topology.saga.active", "{saga}", "Sagas this process is running");
    }

    public void Compensated(string saga, string action, bool succeeded)
    {
        if (_compensations is { Enabled: true })
        {
            _compensations.Add(1, new("saga", saga), new("action", action), new("outcome", succeeded ? "succeeded" : "exhausted"));
        }
    }

    public void Settled(string saga, SagaStatus status)
    {
        if (_settled is { Enabled: true })
        {
            _settled.Add(1, new("saga", saga), new("status", status.ToString()));
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
