using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Topology.Saga;
using Topology.Saga.Internal;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds sagas.</summary>
public static class TopologySagaServiceCollectionExtensions
{
    /// <summary>Adds <see cref="ISagaClient"/>, <see cref="ISagaOperator"/> and the worker. Name a store too.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <remarks>Calling it twice is calling it once. The worker is idle in a process that registers no definition.</remarks>
    public static IServiceCollection AddTopologySaga(this IServiceCollection services, Action<SagaOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddTopologyRetry();
        services.AddOptionsWithValidateOnStart<SagaOptions>();
        if (configure is not null)
        {
            services.Configure(configure);
        }

        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<SagaOptions>, SagaOptionsValidator>());
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<SagaCompensationTableOptions>, SagaCompensationTableOptionsValidator>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<InMemorySagas>();
        services.TryAddSingleton<ISagaEffectGuard, InMemorySagaEffectGuard>();
        services.TryAddSingleton<ISagaLetterSink, LoggingSagaLetterSink>();
        services.TryAddSingleton<SagaRegistry>();
        services.TryAddSingleton<SagaSignals>();
        services.TryAddSingleton<SagaMetrics>();
        services.TryAddSingleton<SagaBoard>();
        if (services.All(service => service.ServiceType != typeof(SagaHeartbeat)))
        {
            // Several packages put registrations into the container, so TryAdd cannot tell this one.
            services.AddSingleton<SagaHeartbeat>().AddSingleton<SagaLoopCheck>().AddSingleton(SagaLoopCheck.Registration);
        }

        services.TryAddSingleton<SagaWriter>();
        services.TryAddSingleton<SagaRuntime>();
        services.TryAddSingleton<SagaClient>();
        services.TryAddSingleton<ISagaClient>(static provider => provider.GetRequiredService<SagaClient>());
        services.TryAddSingleton<ISagaOperator>(static provider => provider.GetRequiredService<SagaClient>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, SagaWorker>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, SagaRetention>());
        return services;
    }

    /// <summary>Keeps sagas in this process: they end with it.</summary>
    /// <param name="services">The services.</param>
    /// <returns><paramref name="services"/>.</returns>
    public static IServiceCollection AddInMemorySagaStore(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<ISagaJournal, InMemorySagaJournal>();
        services.TryAddSingleton<ISagaInbox, InMemorySagaInbox>();
        services.TryAddSingleton<ISagaDispatcher, InMemorySagaDispatcher>();
        return services;
    }

    /// <summary>Registers a definition: this process runs its sagas.</summary>
    /// <param name="services">The services.</param>
    /// <param name="definition">The definition. Its compensation table is the <see cref="SagaCompensationTableOptions"/> of its name.</param>
    /// <returns><paramref name="services"/>.</returns>
    public static IServiceCollection AddSaga(this IServiceCollection services, SagaDefinition definition)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(definition);
        services.AddTopologySaga();
        services.AddOptionsWithValidateOnStart<SagaCompensationTableOptions>(definition.Name);
        services.AddSingleton(definition);
        return services;
    }

    /// <summary>Registers an action of compensation tables.</summary>
    /// <typeparam name="TCompensation">The class; made anew for each try, with its dependencies from the container.</typeparam>
    /// <param name="services">The services.</param>
    /// <param name="name">The name tables use, such as <c>refund_transaction</c>.</param>
    /// <returns><paramref name="services"/>.</returns>
    public static IServiceCollection AddSagaCompensation<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TCompensation>(
        this IServiceCollection services, string name)
        where TCompensation : class, ISagaCompensation
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        services.AddTopologySaga();
        services.TryAddTransient<TCompensation>();
        services.AddSingleton(new SagaCompensationRegistration(
            name, typeof(TCompensation), TCompensation.ResultType, static provider => provider.GetRequiredService<TCompensation>()));
        return services;
    }
}
