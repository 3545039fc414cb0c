using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Topology.Idempotency;
using Topology.Idempotency.AspNetCore;
using Topology.Idempotency.AspNetCore.Internal;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers what the middleware needs.</summary>
public static class IdempotencyHttpServiceCollectionExtensions
{
    /// <summary>
    /// Adds idempotency keys with options for HTTP. Calling it twice is calling it once; without it the middleware uses the defaults.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Changes the options; they are checked at start.</param>
    /// <returns><paramref name="services"/>.</returns>
    public static IServiceCollection AddTopologyIdempotencyHttp(this IServiceCollection services, Action<IdempotencyHttpOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddTopologyIdempotency();
        var options = services.AddOptionsWithValidateOnStart<IdempotencyHttpOptions>();
        if (configure is not null)
            options.Configure(configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<IdempotencyHttpOptions>, IdempotencyHttpOptionsValidator>());
        services.TryAddSingleton<IIdempotencyScopeResolver, ClaimsScopeResolver>();
        return services;
    }
}
