using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Topology.Saga;
using Topology.Saga.JetStream;
using Topology.Saga.JetStream.Internal;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Keeps sagas on NATS JetStream.</summary>
public static class JetStreamSagaServiceCollectionExtensions
{
    /// <summary>Keeps sagas on NATS JetStream, server 2.9 or later, through the registered <c>INatsConnection</c>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <remarks>
    /// The connection is never disposed here, and starting never waits for the server. A store that was added earlier stays. Calling it twice
    /// is calling it once.
    /// </remarks>
    public static IServiceCollection AddJetStreamSagaStore(this IServiceCollection services, Action<JetStreamSagaOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<JetStreamSagaOptions>().ValidateOnStart();
        if (configure is not null)
        {
            services.Configure(configure);
        }

        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<JetStreamSagaOptions>, JetStreamSagaOptionsValidator>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<SagaStreams>();
        services.TryAddSingleton<SagaCalls>();
        services.TryAddSingleton<SagaStore>();
        services.TryAddSingleton<StoreClock>();
        services.TryAddSingleton<SagaNews>();
        services.TryAddSingleton<SagaLeases>();
        services.TryAddSingleton<SagaAdmission>();
        services.TryAddSingleton<ISagaJournal, JetStreamSagaJournal>();
        services.TryAddSingleton<ISagaInbox, JetStreamSagaInbox>();
        services.TryAddSingleton<ISagaDispatcher, JetStreamSagaDispatcher>();
        return services;
    }
}
