using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Topology.Retry;

namespace Platform.ServiceDefaults;

/// <summary>Adds <see cref="RouterClient"/>.</summary>
public static class RouterClientExtensions
{
    /// <summary>Adds the client of router-service, at the address that <see cref="PlatformNames.RouterAddressKey"/> names.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configuration">The settings.</param>
    /// <param name="timeout">What all tries of a request may take together.</param>
    public static IServiceCollection AddRouterClient(this IServiceCollection services, IConfiguration configuration, TimeSpan timeout)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        services.AddHttpClient<RouterClient>(http =>
            {
                http.BaseAddress = new Uri(configuration[PlatformNames.RouterAddressKey] ?? $"http://{PlatformNames.RouterService}:{PlatformNames.HttpPort}");
                http.Timeout = timeout;
            })
            .AddTopologyRetry(RetryProfileNames.ApiCalls);
        return services;
    }
}
