using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Topology.Dlq;
using Topology.Dlq.Internal;
using Topology.Retry;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers dead-letter queues.</summary>
public static class DeadLetterServiceCollectionExtensions
{
    private static readonly Func<IServiceProvider, IDeadLetterQueueProvider> MissingProvider = _ => throw new InvalidOperationException(
        "Dead-letter queues have no provider: call AddInMemoryDeadLetterQueues() or AddJetStreamDeadLetterQueues() beside AddTopologyDlq().");

    /// <summary>Adds the publisher, store, redrive and worker of dead-letter queues. A provider is added beside it.</summary>
    /// <remarks>Queues are read once, when the host starts. Calling it twice adds nothing twice.</remarks>
    /// <param name="services">The services.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is <see langword="null"/>.</exception>
    public static IServiceCollection AddTopologyDlq(this IServiceCollection services, Action<DeadLetterOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<DeadLetterOptions>().ValidateOnStart();
        if (configure is not null)
            services.Configure(configure);
        if (services.Any(service => service.ServiceType == typeof(DeadLetterQueues)))
            return services;

        // First, so that a queue configured before this call keeps what it was given.
        services.Insert(0, ServiceDescriptor.Singleton<IConfigureOptions<DeadLetterQueueOptions>, DeadLetterQueueDefaults>());
        services.AddSingleton<IPostConfigureOptions<DeadLetterQueueOptions>, DeadLetterQueueDefaults>();
        services.AddSingleton<IValidateOptions<DeadLetterQueueOptions>, DeadLetterQueueOptionsValidator>();
        services.AddSingleton<IValidateOptions<DeadLetterOptions>, DeadLetterOptionsValidator>();

        services.AddLogging();
        services.AddTopologyRetry();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<DeadLetterQueues>();
        services.AddSingleton(provider => new DeadLetterMetrics(
            provider.GetRequiredService<TimeProvider>(), provider.GetService<IMeterFactory>()));
        services.TryAddSingleton(MissingProvider);
        services.TryAddSingleton<IDeadLetterPublisher, DeadLetterPublisher>();
        services.TryAddSingleton<IDeadLetterStore, DeadLetterStore>();
        services.TryAddSingleton<IDeadLetterRedrive, DeadLetterRedrive>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IDeadLetterAlertSink, LogAlertSink>());
        services.AddSingleton<AlertSender>();
        services.AddSingleton<LoopBeats>();
        services.AddSingleton(DeadLetterLoopsHealthCheck.Registration);
        services.AddSingleton<IHostedService, DeadLetterWorker>();
        services.AddSingleton<IHostedService, DeadLetterSampler>();
        return services;
    }

    /// <summary>Keeps letters in this process; they end with it. Another provider, added earlier or later, takes its place.</summary>
    /// <param name="services">The services.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is <see langword="null"/>.</exception>
    public static IServiceCollection AddInMemoryDeadLetterQueues(this IServiceCollection services) =>
        services.AddDeadLetterQueueProvider<InMemoryDeadLetterQueueProvider>();

    /// <summary>Registers the processor of a queue, and with it starts the queue's consumer in this process.</summary>
    /// <typeparam name="T">The processor; created by the container for each try, in a scope of its own.</typeparam>
    /// <param name="services">The services.</param>
    /// <param name="queue">The logical name of the queue. A second processor for it is refused at start.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is <see langword="null"/>.</exception>
    /// <exception cref="ArgumentException"><paramref name="queue"/> is empty.</exception>
    public static IServiceCollection AddDeadLetterProcessor<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(
        this IServiceCollection services, string queue)
        where T : class, IDeadLetterProcessor
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(queue);
        services.TryAddScoped<T>();
        return services.AddProcessor(new(queue, typeof(T), static provider => provider.GetRequiredService<T>()));
    }

    /// <summary>Adds a step to what is done for every letter of a queue: record, the steps in the order of these calls, alert; then the letter
    /// is parked for a person. It is the queue's processor.</summary>
    /// <remarks>A step that keeps failing uses up the letter's tries; people are told before it is parked. An alert that fails never repeats
    /// a step.</remarks>
    /// <typeparam name="T">The step; created by the container for each try, in a scope of its own.</typeparam>
    /// <param name="services">The services.</param>
    /// <param name="queue">The logical name of the queue, such as <c>agent.run.dlq</c>.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is <see langword="null"/>.</exception>
    /// <exception cref="ArgumentException"><paramref name="queue"/> is empty.</exception>
    public static IServiceCollection AddDeadLetterStep<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(
        this IServiceCollection services, string queue)
        where T : class, IDeadLetterStep
    {
        services.AddDeadLetterSteps(queue);
        services.TryAddEnumerable(ServiceDescriptor.KeyedScoped<IDeadLetterStep, T>(queue));
        return services;
    }

    /// <summary>Makes record and alert, without a step of the application, the processor of a queue.</summary>
    /// <param name="services">The services.</param>
    /// <param name="queue">The logical name of the queue, such as <c>agent.run.dlq</c>.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is <see langword="null"/>.</exception>
    /// <exception cref="ArgumentException"><paramref name="queue"/> is empty.</exception>
    public static IServiceCollection AddDeadLetterSteps(this IServiceCollection services, string queue)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(queue);
        return services.AddProcessor(new(
            queue, typeof(StepsProcessor), provider => ActivatorUtilities.CreateInstance<StepsProcessor>(provider, queue)));
    }

    /// <summary>Makes failed tool calls again: the processor of <c>tool.call.dlq</c>.</summary>
    /// <remarks>Call n is made after the wait n of the retry profile <c>tool_calls</c>: 2, 4, 8, 16, 32 s. A call that succeeds closes its
    /// letter; the last failure parks it.</remarks>
    /// <typeparam name="T">The handler; created by the container for each call, in a scope of its own.</typeparam>
    /// <param name="services">The services.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is <see langword="null"/>.</exception>
    public static IServiceCollection AddToolCallHandler<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(
        this IServiceCollection services)
        where T : class, IToolCallHandler
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddScoped<T>();
        return services.AddProcessor(new(
            DeadLetterQueueNames.ToolCall,
            typeof(T),
            static provider => new ToolCallProcessor(
                provider.GetRequiredService<T>(), provider.GetRequiredService<IRetryPolicies>().Get(RetryProfileNames.ToolCalls)),
            RetryProfileNames.ToolCalls));
    }

    /// <summary>Registers where a queue's letters go when they are redriven.</summary>
    /// <typeparam name="T">The target; created once.</typeparam>
    /// <param name="services">The services.</param>
    /// <param name="queue">The logical name of the queue. A second target for it is refused at start.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is <see langword="null"/>.</exception>
    /// <exception cref="ArgumentException"><paramref name="queue"/> is empty.</exception>
    public static IServiceCollection AddRedriveTarget<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(
        this IServiceCollection services, string queue)
        where T : class, IRedriveTarget
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(queue);
        services.TryAddSingleton<T>();
        if (!Instances<RedriveTargetRegistration>(services).Any(known => known.Queue == queue && known.Type == typeof(T)))
            services.AddSingleton(new RedriveTargetRegistration(queue, typeof(T), static provider => provider.GetRequiredService<T>()));
        return services;
    }

    /// <summary>Registers a sink for alerts, beside the log.</summary>
    /// <typeparam name="T">The sink; created once.</typeparam>
    /// <param name="services">The services.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is <see langword="null"/>.</exception>
    public static IServiceCollection AddDeadLetterAlertSink<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(
        this IServiceCollection services)
        where T : class, IDeadLetterAlertSink
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IDeadLetterAlertSink, T>());
        return services;
    }

    /// <summary>Registers where letters and marks are kept. A provider that was added earlier stays, unless it is the one in memory.</summary>
    /// <typeparam name="T">The provider; created once.</typeparam>
    /// <param name="services">The services.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is <see langword="null"/>.</exception>
    public static IServiceCollection AddDeadLetterQueueProvider<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(
        this IServiceCollection services)
        where T : class, IDeadLetterQueueProvider
    {
        ArgumentNullException.ThrowIfNull(services);
        if (services.FirstOrDefault(service => !service.IsKeyedService && ReferenceEquals(service.ImplementationFactory, MissingProvider)) is { } missing)
            services.Remove(missing);

        // Whoever names a place beside it does not mean the letters to end with the process.
        if (typeof(T) != typeof(InMemoryDeadLetterQueueProvider)
            && services.FirstOrDefault(service => !service.IsKeyedService && service.ImplementationType == typeof(InMemoryDeadLetterQueueProvider)) is { } inMemory)
            services.Remove(inMemory);
        services.TryAddSingleton<IDeadLetterQueueProvider, T>();
        return services;
    }

    /// <summary>Posts alerts to an address, beside the log and other sinks.</summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The sink's name, unique and stable between releases.</param>
    /// <param name="address">Where to post.</param>
    /// <param name="timeout">How long one post may take; 10 seconds when <see langword="null"/>.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <exception cref="ArgumentNullException">An argument is <see langword="null"/>.</exception>
    /// <exception cref="ArgumentException"><paramref name="name"/> is empty.</exception>
    public static IServiceCollection AddDeadLetterWebhook(
        this IServiceCollection services, string name, Uri address, TimeSpan? timeout = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(address);
        services.AddSingleton<IDeadLetterAlertSink>(_ => new WebhookAlertSink(
            name,
            address,
            new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5), AllowAutoRedirect = false }) { Timeout = timeout ?? TimeSpan.FromSeconds(10) }));
        return services;
    }

    private static IServiceCollection AddProcessor(this IServiceCollection services, DeadLetterProcessorRegistration registration)
    {
        if (!Instances<DeadLetterProcessorRegistration>(services).Any(known => known.Queue == registration.Queue && known.Type == registration.Type))
            services.AddSingleton(registration);
        return services;
    }

    private static IEnumerable<T> Instances<T>(IServiceCollection services)
        where T : class => services.Select(service => service.ServiceType == typeof(T) && !service.IsKeyedService ? service.ImplementationInstance as T : null).OfType<T>();
}
