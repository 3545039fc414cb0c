using System.Diagnostics.Metrics;

namespace Platform.Realtime;

/// <summary>The two gauges of the specification, which are the same number, and what became of messages.</summary>
internal sealed class RealtimeMetrics
{
    private readonly Counter<long> _sent;
    private readonly Counter<long> _conflated;
    private readonly Counter<long> _slow;
    private int _connections;

    public RealtimeMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("Platform.Realtime");
        meter.CreateObservableGauge("active_connections", () => Volatile.Read(ref _connections), description: "Active WebSocket connections");
        meter.CreateObservableGauge("ws_active_connections", () => Volatile.Read(ref _connections), description: "Active WebSocket connections of this pod, to scale by");
        _sent = meter.CreateCounter<long>("ws_messages_sent_total", description: "Messages sent to clients");
        _conflated = meter.CreateCounter<long>("ws_messages_conflated_total", description: "States that a later one replaced before they were sent");
        _slow = meter.CreateCounter<long>("ws_slow_clients_closed_total", description: "Connections closed because their client did not keep up");
    }

    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Counts a connection in, unless there are as many as there may be.</summary>
    public bool TryOpen(int most)
    {
        if (Interlocked.Increment(ref _connections) <= most)
        {
            return true;
        }

        Close();
        return false;
    }

    public void Close() => Interlocked.Decrement(ref _connections);

    public void Sent(int skipped)
    {
        _sent.Add(1);
        if (skipped > 0)
        {
            _conflated.Add(skipped);
        }
    }

    public void ClosedSlow() => _slow.Add(1);
}
