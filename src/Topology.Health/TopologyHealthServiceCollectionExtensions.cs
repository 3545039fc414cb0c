using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Topology.Health;
using Topology.Health.Internal;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers sampled health probes and drain.</summary>
public static class TopologyHealthServiceCollectionExtensions
{
    /// <summary>
    /// Samples every stock health check tagged <c>live</c>, <c>ready</c>, <c>startup</c> or <c>info</c> in the background, watches the
    /// thread pool and the loops of <see cref="LivenessHeartbeats"/>, and keeps a stopping host serving for the drain delay.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options; each call's is applied.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <remarks>
    /// <para>Calling it again registers nothing twice. Map the probes with <c>app.MapTopologyHealth()</c>.</para>
    /// <para>Bad options, or a check tagged both live and ready, stop the host at start with an
    /// <see cref="OptionsValidationException"/>.</para>
    /// </remarks>
    public static IServiceCollection AddTopologyHealth(this IServiceCollection services, Action<HealthOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (configure is not null)
            services.Configure(configure);
        if (services.Any(static service => service.ServiceType == typeof(HealthBoard)))
            return services;

        services.AddOptionsWithValidateOnStart<HealthOptions>();
        services.AddOptionsWithValidateOnStart<HealthCheckServiceOptions>();
        services.AddSingleton<IValidateOptions<HealthOptions>, HealthOptionsValidator>();
        services.AddSingleton<IValidateOptions<HealthCheckServiceOptions>, CheckRegistrationsValidator>();
        services.AddSingleton<IValidateOptions<ServiceProbeOptions>, ServiceProbeOptionsValidator>();
        services.AddSingleton<IPostConfigureOptions<HealthCheckServiceOptions>, PublishedChecks>();

        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<LivenessHeartbeats>();
        services.AddSingleton(static provider => new HealthMetrics(provider.GetService<IMeterFactory>()));
        services.AddSingleton<HealthBoard>();
        services.AddHostedService(static provider => ActivatorUtilities.CreateInstance<HealthSampler>(provider, Randomness()));
        services.AddHostedService<Drain>();
        services.AddSingleton<IStartupFilter, DrainingConnections>();

        services.AddSingleton(new HealthCheckRegistration(
            HeartbeatCheck.Name, static provider => ActivatorUtilities.CreateInstance<HeartbeatCheck>(provider), null,
            [HealthProbeTags.Live, HealthProbeTags.CodePrefix + HealthCodes.LoopSilent]));
        services.AddSingleton(static provider => new HealthCheckRegistration(
            ThreadPoolCheck.Name, new ThreadPoolCheck(), null, [HealthProbeTags.Live],
            provider.GetRequiredService<IOptions<HealthOptions>>().Value.MaxThreadPoolDelay));
        return services;
    }

    /// <summary>
    /// Adds the sampled answer of the ready probe as one stock check named <c>topology.health</c>, for apps that keep <c>MapHealthChecks</c>.
    /// </summary>
    /// <param name="builder">The health checks builder.</param>
    /// <returns><paramref name="builder"/>.</returns>
    /// <remarks>It costs no dependency call. It is never sampled itself. Let <c>MapHealthChecks</c> run it alone: <c>Predicate = r => r.Name == "topology.health"</c>.</remarks>
    public static IHealthChecksBuilder AddTopologyHealth(this IHealthChecksBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddTopologyHealth();
        return builder.Services.Any(static service => service.ServiceType == typeof(SnapshotCheck))
            ? builder
            : AddSnapshotCheck(builder);
    }

    private static IHealthChecksBuilder AddSnapshotCheck(IHealthChecksBuilder builder)
    {
        builder.Services.AddSingleton<SnapshotCheck>();
        return builder.AddCheck<SnapshotCheck>(SnapshotCheck.Name);
    }

    private static Func<double> Randomness()
    {
        var random = new Random();
        return () =>
        {
            lock (random)
                return random.NextDouble();
        };
    }
}
