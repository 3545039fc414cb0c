using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Topology.Saga;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>Feeds every package's options from a configuration's section <c>Topology</c>.</summary>
internal static class TopologySettings
{
    /// <summary>Registers the settings. Call it after the packages' own registrations, so that what is written beats their defaults.</summary>
    internal static void AddTopologySettings(this IServiceCollection services, IConfiguration configuration)
    {
        if (services.Any(d => d.ServiceType == typeof(SettingsMonitor)))
        {
            return;
        }

        services.AddOptions();
        services.AddLogging();
        services.TryAddSingleton<TopologyRegistrations>();
        services.TryAddSingleton(sp => new ConfigurationMetrics(sp.GetService<IMeterFactory>()));
        services.AddSingleton(sp => new SettingsMonitor(
            configuration,
            new SettingsCheck(sp),
            sp.GetRequiredService<ConfigurationMetrics>(),
            sp.GetRequiredService<ILoggerFactory>()));
        services.AddSingleton<CheckBeforeStart>();
        services.AddSingleton<IPostConfigureOptions<HostOptions>>(sp => sp.GetRequiredService<CheckBeforeStart>());
        services.Insert(0, ServiceDescriptor.Singleton<IHostedService>(sp => sp.GetRequiredService<CheckBeforeStart>()));
        Feed(services, OptionsFeeds.Retry);
        Feed(services, OptionsFeeds.RetryProfile);
        Feed(services, OptionsFeeds.RetryBudget);
        Feed(services, OptionsFeeds.Idempotency);
        Feed(services, OptionsFeeds.SagaTable);
        Feed(services, OptionsFeeds.DeadLetter);
        Feed(services, OptionsFeeds.Queue);
        services.AddSingleton<IConfigureOptions<SagaOptions>, SagaMemory>();
        Feed(services, OptionsFeeds.Sagas);
        Feed(services, OptionsFeeds.Probes);
        Feed(services, OptionsFeeds.Health);
        services.AddOptionsWithValidateOnStart<TopologyNatsOptions>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<TopologyNatsOptions>, TopologyNatsOptionsValidator>());
        Feed(services, OptionsFeeds.Nats);
    }

    private static void Feed<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>(
        IServiceCollection services, OptionsFeed<TOptions> feed)
        where TOptions : class
    {
        services.AddSingleton<IConfigureOptions<TOptions>>(sp => new SettingsOptions<TOptions>(sp.GetRequiredService<SettingsMonitor>(), feed));
        services.AddSingleton<IOptionsChangeTokenSource<TOptions>>(sp => new SettingsChangeToken<TOptions>(sp.GetRequiredService<SettingsMonitor>(), feed));
        services.AddSingleton<IOptionsMonitor<TOptions>>(sp => new SettingsOptionsMonitor<TOptions>(
            sp.GetRequiredService<IOptionsFactory<TOptions>>(),
            sp.GetServices<IOptionsChangeTokenSource<TOptions>>(),
            sp.GetRequiredService<IOptionsMonitorCache<TOptions>>(),
            sp.GetRequiredService<SettingsMonitor>(),
            feed,
            sp.GetRequiredService<ILoggerFactory>()));
    }
}
