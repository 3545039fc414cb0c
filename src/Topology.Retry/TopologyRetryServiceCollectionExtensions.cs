using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Topology.Retry;
using Topology.Retry.Internal;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the retry policies.</summary>
public static class TopologyRetryServiceCollectionExtensions
{
    /// <summary>
    /// Adds <see cref="IRetryPolicies"/> and, keyed by profile name, <see cref="RetryPolicy"/>. Every profile is validated on start.
    /// Calling it twice is calling it once.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Names further profiles; may be <see langword="null"/>.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <remarks>
    /// The four profiles of <see cref="RetryProfileNames"/> exist with the specification's numbers. Change one with
    /// <c>services.Configure&lt;RetryProfileOptions&gt;("api_calls", …)</c>, before or after this call.
    /// </remarks>
    public static IServiceCollection AddTopologyRetry(this IServiceCollection services, Action<RetryOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);

        services.AddOptionsWithValidateOnStart<RetryOptions>();
        services.TryAddSingleton<IOptionsFactory<RetryProfileOptions>, RetryProfileOptionsFactory>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<RetryOptions>, RetryOptionsValidator>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<RetryProfileOptions>, RetryProfileOptionsValidator>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<RetryBudgetOptions>, RetryBudgetOptionsValidator>());
        services.TryAddSingleton(static provider => new RetryMetrics(provider.GetService<System.Diagnostics.Metrics.IMeterFactory>()));
        services.TryAddSingleton<IRetryPolicies, RetryPolicies>();
        services.TryAddKeyedSingleton(
            KeyedService.AnyKey,
            static (provider, key) => provider.GetRequiredService<IRetryPolicies>().Get(key as string ?? key?.ToString() ?? ""));
        if (configure is not null)
        {
            services.Configure(configure);
        }

        return services;
    }

    /// <summary>Adds a profile of your own, and everything <see cref="AddTopologyRetry"/> adds.</summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The name of the profile; one that exists is changed.</param>
    /// <param name="configure">Sets its values.</param>
    /// <returns><paramref name="services"/>.</returns>
    public static IServiceCollection AddTopologyRetryProfile(this IServiceCollection services, string name, Action<RetryProfileOptions> configure)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(configure);
        return services.AddTopologyRetry(options => options.ProfileNames.Add(name)).Configure(name, configure);
    }
}
