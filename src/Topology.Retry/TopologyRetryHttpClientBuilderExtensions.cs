using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Topology.Retry;
using Topology.Retry.Internal;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Gives an <see cref="HttpClient"/> a retry profile.</summary>
public static class TopologyRetryHttpClientBuilderExtensions
{
    /// <summary>
    /// Retries the requests of this client as the profile says: idempotent methods (RFC 9110, section 9.2.2) and any request that carries
    /// an <c>Idempotency-Key</c>; others are sent once. 408, 429 and 5xx are retried, <c>Retry-After</c> is honoured in both forms.
    /// Calling it again changes the profile; there is one retrying handler.
    /// </summary>
    /// <param name="builder">The client.</param>
    /// <param name="profile">The name of the profile.</param>
    /// <param name="configure">Changes the bounds; may be <see langword="null"/>.</param>
    /// <returns><paramref name="builder"/>.</returns>
    /// <remarks>
    /// A response counts once its headers have arrived; a body that breaks off later is the caller's. <see cref="HttpClient.Timeout"/> left
    /// at 100 s bounds each try when the profile has neither attempt timeout nor overall timeout; in either case the client's own timeout
    /// is lifted to the longest call the profile can make. The synchronous <c>Send</c> throws <see cref="NotSupportedException"/>.
    /// </remarks>
    public static IHttpClientBuilder AddTopologyRetry(
        this IHttpClientBuilder builder, string profile = RetryProfileNames.Default, Action<HttpRetryOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(profile);

        var services = builder.Services.AddTopologyRetry();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<HttpRetryOptions>, HttpRetryOptionsValidator>());
        services.AddOptionsWithValidateOnStart<HttpRetryOptions>(builder.Name).Configure(options =>
        {
            options.Profile = profile;
            configure?.Invoke(options);
        });

        if (services.Any(service => service.IsKeyedService && service.ServiceType == typeof(HttpRetryClient) && Equals(service.ServiceKey, builder.Name)))
        {
            return builder;
        }

        services.AddKeyedSingleton(builder.Name, static (provider, key) =>
        {
            var name = (string)key!;
            var options = provider.GetRequiredService<IOptionsFactory<HttpRetryOptions>>().Create(name);
            return new HttpRetryClient(
                name,
                options.MaxBufferedContent,
                provider.GetRequiredService<IRetryPolicies>().Get(options.Profile),
                provider.GetService<ILoggerFactory>()?.CreateLogger<RetryPolicy>() ?? (ILogger)NullLogger.Instance);
        });
        return builder
            .ConfigureHttpClient((provider, client) => provider.GetRequiredKeyedService<HttpRetryClient>(builder.Name).TakeOverTimeout(client))
            .AddHttpMessageHandler(provider => new RetryHandler(provider.GetRequiredKeyedService<HttpRetryClient>(builder.Name)));
    }
}
