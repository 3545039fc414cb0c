using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Topology.Health;
using Topology.Resilience;

namespace Platform.ServiceDefaults;

/// <summary>What every service of the platform has: the topology, probes, metrics, traces, ports.</summary>
public static class ServiceDefaultsExtensions
{
    /// <summary>Begins a service. Its files are found beside its program, wherever it is started from.</summary>
    /// <param name="service">Its name, one of <see cref="PlatformNames"/>.</param>
    /// <param name="args">The command line.</param>
    public static WebApplicationBuilder CreateService(string service, string[] args)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        builder.Environment.ApplicationName = service;
        builder.Listen(PlatformGraph.PortOf(service));
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning).AddFilter("System.Net.Http", LogLevel.Warning);
        builder.Services.AddTopologyHealth(health =>
        {
            health.ServiceName = service;
            health.ManagementPort = builder.ManagementPort();
            builder.Configuration.GetSection("Health").Bind(health);
        });
        builder.Services.AddResourceMonitoring().AddSingleton<ResourceGauges>().ActivateSingleton<ResourceGauges>();
        builder.Services.AddTelemetry(service, builder.Configuration);
        return builder;
    }

    /// <summary>Gives a service the settings of <c>topology.yaml</c>, on NATS, with the streams of the platform.</summary>
    /// <param name="builder">The service.</param>
    /// <param name="streams">The streams it writes to or reads from.</param>
    public static ITopologyBuilder AddPlatformTopology(this WebApplicationBuilder builder, params StreamPlan[] streams)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddSingleton(new PlatformStreams.Wanted(streams));
        builder.Services.AddSingleton<PlatformStreams>().AddHostedService(provider => provider.GetRequiredService<PlatformStreams>());
        builder.Services.AddHealthChecks().AddCheck<PlatformStreams>(
            PlatformStreams.CheckName,
            HealthStatus.Unhealthy,
            [HealthProbeTags.Ready, HealthProbeTags.CodePrefix + PlatformStreams.Unreachable]);
        return builder.AddTopologyResilience().UseNats();
    }

    /// <summary>Maps probes and metrics.</summary>
    /// <param name="app">The service.</param>
    public static void MapServiceDefaults(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        app.MapTopologyHealth();

        // By the port the request came in on, which no header can say.
        var port = app.Configuration.GetValue<int?>(PlatformNames.ManagementPortKey);
        app.UseOpenTelemetryPrometheusScrapingEndpoint(context =>
            context.Request.Path == PlatformNames.MetricsPath && (port is null || context.Connection.LocalPort == port));
    }

    private static int? ManagementPort(this WebApplicationBuilder builder) => builder.Configuration.GetValue<int?>(PlatformNames.ManagementPortKey);

    private static void Listen(this WebApplicationBuilder builder, int port)
    {
        var urls = builder.Configuration[WebHostDefaults.ServerUrlsKey] ?? $"http://*:{port}";
        builder.WebHost.UseUrls([.. urls.Split(';'), .. builder.ManagementPort() is { } management ? [$"http://*:{management}"] : Array.Empty<string>()]);
    }

    private static void AddTelemetry(this IServiceCollection services, string service, ConfigurationManager configuration)
    {
        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(service, serviceInstanceId: Environment.MachineName))
            .WithMetrics(metrics => metrics
                .AddTopologyInstrumentation()
                .AddMeter("Platform.*", "Microsoft.AspNetCore.Hosting")
                .AddPrometheusExporter())
            .WithTracing(tracing => tracing
                .AddTopologyInstrumentation()
                .AddSource("Microsoft.AspNetCore", "System.Net.Http")
                .SetSampler(new ParentBasedSampler(new AlwaysOnSampler())));

        // Where to, and how, is said by the environment variables of OpenTelemetry; without an address nothing is sent.
        if (!string.IsNullOrEmpty(configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]))
        {
            telemetry.WithTracing(tracing => tracing.AddOtlpExporter());
        }
    }
}
