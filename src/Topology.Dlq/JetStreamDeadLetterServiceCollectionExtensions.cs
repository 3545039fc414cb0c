using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Topology.Dlq;
using Topology.Dlq.Internal;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers dead-letter queues on NATS JetStream.</summary>
public static class JetStreamDeadLetterServiceCollectionExtensions
{
    /// <summary>Keeps letters on NATS JetStream, server 2.9 or later, through the registered <c>INatsConnection</c>. A provider that was
    /// added earlier stays.</summary>
    /// <remarks>The connection is never disposed here, and starting never waits for the server.</remarks>
    /// <param name="services">The services.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is <see langword="null"/>.</exception>
    public static IServiceCollection AddJetStreamDeadLetterQueues(
        this IServiceCollection services, Action<JetStreamDeadLetterOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<JetStreamDeadLetterOptions>().ValidateOnStart();
        if (configure is not null)
            services.Configure(configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<JetStreamDeadLetterOptions>, JetStreamDeadLetterOptionsValidator>());
        services.TryAddSingleton<JetStreamTopology>();
        services.TryAddSingleton<IDeadLetterTopology>(provider => provider.GetRequiredService<JetStreamTopology>());
        return services.AddDeadLetterQueueProvider<JetStreamDeadLetterQueueProvider>();
    }
}
