using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NATS.Client.Core;
using NATS.Client.JetStream;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using Topology.Dlq;

namespace Topology.Resilience.Tests.Telemetry;

/// <summary>The code of docs/telemetry.md.</summary>
public sealed class TelemetryExamples
{
    [Fact]
    public void Collecting_is_one_call_for_metrics_and_one_for_traces()
    {
        var builder = Host.CreateApplicationBuilder();
        #region collect
        builder.Services.AddOpenTelemetry()
            .WithMetrics(metrics => metrics.AddTopologyInstrumentation().AddPrometheusExporter())
            .WithTracing(tracing => tracing.AddTopologyInstrumentation().AddSource("Microsoft.AspNetCore"));
        #endregion
        using var host = builder.Build();
        Assert.NotNull(host.Services.GetRequiredService<MeterProvider>());
        Assert.NotNull(host.Services.GetRequiredService<TracerProvider>());
    }

    internal static async Task PublishAsync(INatsJSContext jetStream, string body)
    {
        #region publish
        await jetStream.PublishAsync("agent.run.requested", body, headers: new NatsHeaders().WithTraceContext());
        #endregion
    }
}
