using Topology.Idempotency.AspNetCore;
using Topology.Idempotency.AspNetCore.Internal;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Turns keys on for endpoints and groups; an endpoint changes what its group made.</summary>
public static class IdempotencyEndpointExtensions
{
    /// <summary>Honours a key when the request carries one.</summary>
    /// <typeparam name="TBuilder">The kind of endpoint builder.</typeparam>
    /// <param name="builder">The endpoint or group.</param>
    /// <param name="configure">Changes the settings, such as <c>e => e with { RequireTimedKeys = true }</c>.</param>
    /// <returns><paramref name="builder"/>.</returns>
    public static TBuilder WithIdempotency<TBuilder>(this TBuilder builder, Func<IdempotencyEndpoint, IdempotencyEndpoint>? configure = null)
        where TBuilder : IEndpointConventionBuilder
    {
        ArgumentNullException.ThrowIfNull(builder);
        var metadata = new IdempotencyMetadata(configure ?? (static settings => settings));
        builder.Add(endpoint => endpoint.Metadata.Add(metadata));
        return builder;
    }

    /// <summary>As <see cref="WithIdempotency"/>, and refuses requests without a key.</summary>
    /// <typeparam name="TBuilder">The kind of endpoint builder.</typeparam>
    /// <param name="builder">The endpoint or group.</param>
    /// <param name="configure">Changes the settings.</param>
    /// <returns><paramref name="builder"/>.</returns>
    public static TBuilder RequireIdempotency<TBuilder>(this TBuilder builder, Func<IdempotencyEndpoint, IdempotencyEndpoint>? configure = null)
        where TBuilder : IEndpointConventionBuilder =>
        builder.WithIdempotency(settings => (configure?.Invoke(settings) ?? settings) with { KeyRequired = true });
}
