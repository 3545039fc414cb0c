using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Topology.Dlq;
using Topology.Idempotency;
using Topology.Resilience;
using Topology.Resilience.Internal;
using Topology.Resilience.Internal.Configuration;
using Topology.Saga;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds everything a service of the topology needs.</summary>
public static class TopologyResilienceServiceCollectionExtensions
{
    /// <summary>Adds retries, idempotency keys, sagas, dead letters and probes, fed by the configuration's section <c>Topology</c>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configuration">The configuration; see <c>AddTopologyYaml</c>.</param>
    /// <returns>A builder for what this process registers.</returns>
    /// <remarks>
    /// Settings are read by every process; work starts only for what is registered in code. Calling it twice is calling it once. Errors in
    /// the settings end the host's start with <see cref="TopologyConfigurationException"/>, all of them at once.
    /// </remarks>
    public static ITopologyBuilder AddTopologyResilience(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configuration);
        var builder = new TopologyBuilder(services);
        if (services.Any(service => service.ServiceType == typeof(TopologyRegistrations)))
        {
            return builder;
        }

        services.AddSingleton(new TopologyRegistrations());
        services.AddTopologyRetry();
        services.AddTopologyIdempotency();
        services.AddTopologySaga();
        services.AddTopologyDlq(options => options.ProcessLetters = false);
        services.AddTopologyHealth();
        services.AddHealthChecks().Add(SagaBacklogHealthCheck.Registration).Add(DeadLetterDepthHealthCheck.Registration);

        services.Replace(ServiceDescriptor.Singleton<ISagaLetterSink, SagaDeadLetters>());
        GuardEffects(services);
        services.AddRedriveTarget<SagaRedriveTarget>(DeadLetterQueueNames.WorkflowCompensation);

        // Not with a store: a store that gives way to another takes with it what it brought.
        services.AddSingleton<ServerAdvice>();
        var stores = new TopologyStores(services, configuration);
        services.AddSingleton(stores);
        stores.Apply();
        services.Insert(0, ServiceDescriptor.Singleton<IHostedService, StoreGuard>());

        // After the packages, so that what is written beats their defaults; it looks at the settings before anything starts.
        services.AddTopologySettings(configuration);
        return builder;
    }

    /// <summary>Where keys end with the process, so does what the package itself remembers of a saga's effects, and no sooner than the saga.</summary>
    private static void GuardEffects(IServiceCollection services)
    {
        var own = services.First(service => service.ServiceType == typeof(ISagaEffectGuard));
        if (own.ImplementationType is { } inMemory && inMemory.Assembly == typeof(ISagaEffectGuard).Assembly)
        {
            services.Replace(ServiceDescriptor.Singleton(provider =>
                provider.GetRequiredService<TopologyStores>().Of<IIdempotencyStore>() is { Name: TopologyStore.Memory }
                    ? (ISagaEffectGuard)ActivatorUtilities.CreateInstance(provider, inMemory)
                    : ActivatorUtilities.CreateInstance<SagaEffects>(provider)));
        }
    }
}
