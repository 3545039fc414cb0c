using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Topology.Dlq;
using Topology.Dlq.Internal;
using Topology.Retry;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers dead-letter queues on NATS JetStream.</summary>
public static class JetStreamDeadLetterServiceCollectionExtensions
{
    /// <summary>Keeps letters on NATS JetStream, server 2.9 or later, through the registered <c>INatsConnection</c>. A provider that was
    /// added earlier stays, unless it is the one in memory.</summary>
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
        services.TryAddSingleton<IStrandedMessages, StrandedMessages>();
        return services.AddDeadLetterQueueProvider<JetStreamDeadLetterQueueProvider>();
    }

    /// <summary>Consumes a work stream under guard: each message ends as done, retried, dead-lettered or discarded, and none in silence.</summary>
    /// <typeparam name="T">
    /// The handler, resolved for each try from a scope of its own: a new one, unless you registered it yourself; then with the lifetime you
    /// gave it. A singleton must be thread safe.
    /// </typeparam>
    /// <param name="services">The services, with <see cref="AddJetStreamDeadLetterQueues"/> and <c>AddTopologyDlq</c> among them.</param>
    /// <param name="name">The consumer's durable name. Processes that use the same name share its messages.</param>
    /// <param name="configure">Names the stream, and changes the other options.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <exception cref="ArgumentNullException">An argument is <see langword="null"/>.</exception>
    /// <exception cref="ArgumentException"><paramref name="name"/> is empty, or has another handler already.</exception>
    public static IServiceCollection AddGuardedConsumer<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(
        this IServiceCollection services, string name, Action<GuardedConsumerOptions> configure)
        where T : class, IWorkHandler
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(configure);
        services.AddOptions<GuardedConsumerOptions>(name).Configure(configure).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<GuardedConsumerOptions>, GuardedConsumerOptionsValidator>());
        services.TryAddSingleton<JetStreamTopology>();
        services.TryAddTransient<T>();

        var known = services.Select(service => service.IsKeyedService ? null : service.ImplementationInstance).OfType<GuardedConsumerRegistration>()
            .FirstOrDefault(registration => registration.Name == name);
        if (known is not null)
        {
            return known.Handler == typeof(T)
                ? services
                : throw new ArgumentException($"Guarded consumer '{name}' has the handler {known.Handler.Name} already.", nameof(name));
        }

        services.AddSingleton(new GuardedConsumerRegistration(name, typeof(T)));
        services.AddSingleton<IHostedService>(provider =>
        {
            var options = provider.GetRequiredService<IOptionsMonitor<GuardedConsumerOptions>>().Get(name);
            return GuardedConsumer.Create(
                provider,
                name,
                options,
                new JetStreamWorkSource(
                    name,
                    options,
                    provider.GetRequiredService<JetStreamTopology>(),
                    provider.GetRequiredService<TimeProvider>(),
                    provider.GetRequiredService<ILogger<GuardedConsumer>>()),
                provider.GetRequiredService<IDeadLetterQueueProvider>(),
                static scope => scope.GetRequiredService<T>());
        });
        return services;
    }

    /// <summary>Redrives a queue's letters into the streams their messages came from, for the consumers that failed them.</summary>
    /// <remarks>Other guarded consumers of the stream skip such a message; consumers that are not guarded get it too.</remarks>
    /// <param name="services">The services.</param>
    /// <param name="queue">The logical name of the queue.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is <see langword="null"/>.</exception>
    /// <exception cref="ArgumentException"><paramref name="queue"/> is empty.</exception>
    public static IServiceCollection AddSourceRedriveTarget(this IServiceCollection services, string queue)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton<JetStreamTopology>();
        return services.AddRedriveTarget<SourceRedriveTarget>(queue);
    }
}
