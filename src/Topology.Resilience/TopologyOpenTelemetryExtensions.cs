using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Lets OpenTelemetry collect what the packages measure and trace.</summary>
public static class TopologyOpenTelemetryExtensions
{
    /// <summary>The packages are named as their meters and sources; an application's own that begin so are collected with them.</summary>
    private const string Names = "Topology.*";

    /// <summary>Collects the instruments of every package.</summary>
    /// <param name="builder">The builder, as <c>AddOpenTelemetry().WithMetrics(…)</c> hands it over.</param>
    /// <returns><paramref name="builder"/>.</returns>
    /// <remarks>
    /// The specification's names reach Prometheus as they are written there: <c>retry_total</c>, <c>idempotency_hits_total</c>,
    /// <c>saga_compensations_total</c>, <c>dlq_messages_total</c>, <c>queue_depth</c>. A scrape asks no server: gauges show what was
    /// sampled last.
    /// </remarks>
    public static MeterProviderBuilder AddTopologyInstrumentation(this MeterProviderBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddMeter(Names);
    }

    /// <summary>Collects the spans of every package: runs, steps and compensations of sagas, messages handled, letters and their redrives.</summary>
    /// <param name="builder">The builder, as <c>AddOpenTelemetry().WithTracing(…)</c> hands it over.</param>
    /// <returns><paramref name="builder"/>.</returns>
    public static TracerProviderBuilder AddTopologyInstrumentation(this TracerProviderBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddSource(Names);
    }
}
