using Microsoft.Extensions.DependencyInjection;
using Topology.Idempotency;
using Topology.Idempotency.AspNetCore.Internal;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Adds the middleware that honours the <c>Idempotency-Key</c> header.</summary>
public static class IdempotencyApplicationBuilderExtensions
{
    /// <summary>Honours keys on endpoints that ask for it. Place it after routing and authentication.</summary>
    /// <param name="app">The application.</param>
    /// <returns><paramref name="app"/>.</returns>
    /// <exception cref="InvalidOperationException"><c>AddTopologyIdempotency</c> was not called or no store was added.</exception>
    public static IApplicationBuilder UseTopologyIdempotency(this IApplicationBuilder app)
    {
        ArgumentNullException.ThrowIfNull(app);
        var services = app.ApplicationServices.GetService<IServiceProviderIsService>();
        if (services is not null && (!services.IsService(typeof(IIdempotentExecutor)) || !services.IsService(typeof(IIdempotencyStore))))
            throw new InvalidOperationException(
                "UseTopologyIdempotency needs services.AddTopologyIdempotency() and a store, such as services.AddInMemoryIdempotencyStore().");
        return app.UseMiddleware<IdempotencyMiddleware>();
    }
}
