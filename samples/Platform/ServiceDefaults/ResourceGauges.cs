using System.Diagnostics.Metrics;

namespace Platform.ServiceDefaults;

/// <summary>The two gauges of the specification, in percent of the container's limits, over Microsoft.Extensions.Diagnostics.ResourceMonitoring.</summary>
/// <remarks>That package measures shares from 0 to 1 under names of its own; here they are read and told under the names that dashboards look for.</remarks>
public sealed class ResourceGauges : IDisposable
{
    /// <summary>The meter of the gauges.</summary>
    public const string MeterName = "Platform.ServiceDefaults";

    private const string Source = "Microsoft.Extensions.Diagnostics.ResourceMonitoring";
    private readonly MeterListener _listener = new();
    private readonly Lock _reading = new();
    private double _cpu;
    private double _memory;

    /// <param name="meters">Makes the meter.</param>
    public ResourceGauges(IMeterFactory meters)
    {
        ArgumentNullException.ThrowIfNull(meters);
        _listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument.Meter.Name == Source && instrument.Name is CpuShare or MemoryShare)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<double>((instrument, share, _, _) =>
            (instrument.Name == CpuShare ? ref _cpu : ref _memory) = share * 100);
        _listener.Start();
        var meter = meters.Create(MeterName);
        meter.CreateObservableGauge("cpu_utilization", () => Read(ref _cpu), description: "CPU utilization percentage");
        meter.CreateObservableGauge("memory_utilization", () => Read(ref _memory), description: "Memory utilization percentage");
    }

    private const string CpuShare = "container.cpu.limit.utilization";
    private const string MemoryShare = "container.memory.limit.utilization";

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    private double Read(ref double percent)
    {
        lock (_reading)
        {
            _listener.RecordObservableInstruments();
            return percent;
        }
    }
}
