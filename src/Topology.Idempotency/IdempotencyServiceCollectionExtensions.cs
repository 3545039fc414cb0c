using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using StackExchange.Redis;
using Topology.Idempotency;
using Topology.Idempotency.Internal;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers idempotency keys and their stores.</summary>
public static class IdempotencyServiceCollectionExtensions
{
    /// <summary>Adds <see cref="IIdempotentExecutor"/>. Calling it twice is calling it once; each <paramref name="configure"/> is applied.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Changes the options; they are checked at start.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <remarks>A store is added apart, by <see cref="AddInMemoryIdempotencyStore"/> or another.</remarks>
    public static IServiceCollection AddTopologyIdempotency(this IServiceCollection services, Action<IdempotencyOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        var options = services.AddOptionsWithValidateOnStart<IdempotencyOptions>();
        if (configure is not null)
            options.Configure(configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<IdempotencyOptions>, IdempotencyOptionsValidator>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(provider => new IdempotencyMetrics(provider.GetService<IMeterFactory>()));
        services.AddOptionsWithValidateOnStart<IdempotencyEncryptionOptions>();
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<IdempotencyEncryptionOptions>, IdempotencyEncryptionOptionsValidator>());
        services.TryAddSingleton<ResultFormat>();
        services.TryAddSingleton<IIdempotentExecutor, IdempotentExecutor>();
        return services;
    }

    /// <summary>Encrypts stored results with AES-256-GCM.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Names the keys; they are checked at start.</param>
    /// <returns><paramref name="services"/>.</returns>
    public static IServiceCollection AddIdempotencyEncryption(this IServiceCollection services, Action<IdempotencyEncryptionOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        return services.AddTopologyIdempotency().Configure(configure);
    }

    /// <summary>Keeps the records in this process: nothing to install, nothing survives a restart, nothing is shared.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Changes the options; they are checked at start.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <remarks>Another store, added earlier or later, is used instead.</remarks>
    public static IServiceCollection AddInMemoryIdempotencyStore(
        this IServiceCollection services, Action<InMemoryIdempotencyStoreOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        var options = services.AddOptionsWithValidateOnStart<InMemoryIdempotencyStoreOptions>();
        if (configure is not null)
            options.Configure(configure);
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<InMemoryIdempotencyStoreOptions>, InMemoryIdempotencyStoreOptionsValidator>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IIdempotencyStore, InMemoryIdempotencyStore>();
        return services;
    }

    /// <summary>Keeps the records in Redis 7.0 or later, with <c>maxmemory-policy noeviction</c>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="connection">
    /// Gives the connection, which is never disposed here; the default is the registered <see cref="IConnectionMultiplexer"/>. It is
    /// called at the first use, so that the start does not wait for a server.
    /// </param>
    /// <returns><paramref name="services"/>.</returns>
    /// <remarks>
    /// The first store that is added is used, unless it is the one in memory. Register <see cref="RedisIdempotencyHealthCheck"/> with your
    /// health checks.
    /// </remarks>
    public static IServiceCollection AddRedisIdempotencyStore(
        this IServiceCollection services, Func<IServiceProvider, IConnectionMultiplexer>? connection = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        connection ??= static provider => provider.GetRequiredService<IConnectionMultiplexer>();
        services.AddOptionsWithValidateOnStart<IdempotencyOptions>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<IdempotencyOptions>, IdempotencyOptionsValidator>());
        services.TryAddSingleton(TimeProvider.System);

        // Whoever names Redis beside it does not mean the records to end with the process.
        if (services.FirstOrDefault(service => !service.IsKeyedService && service.ImplementationType == typeof(InMemoryIdempotencyStore)) is { } inMemory)
            services.Remove(inMemory);
#pragma warning disable RS0030 // the default source of the pauses between two looks; a test passes its own
        services.TryAddSingleton<IIdempotencyStore>(provider => new RedisIdempotencyStore(
            () => connection(provider),
            provider.GetRequiredService<IOptions<IdempotencyOptions>>(),
            provider.GetRequiredService<TimeProvider>(),
            Random.Shared.NextDouble));
#pragma warning restore RS0030
        services.TryAddSingleton(provider => new RedisIdempotencyHealthCheck(connection(provider)));
        return services;
    }
}
