using System.Globalization;
using System.Threading.RateLimiting;
using Topology.Idempotency.AspNetCore;

namespace Platform.ApiGateway;

/// <summary>Whose a request is, and how many each may send.</summary>
internal static class Tenants
{
    /// <summary>The name of the limit, for endpoints.</summary>
    public const string Limit = "tenant";

    // Stands in for the claims of a token: a header that anybody can write. Sign clients in before you go live.
    private const string Header = "X-Tenant";

    public static string TenantOf(HttpContext context) =>
        context.Request.Headers[Header] is [{ Length: > 0 and <= 64 } tenant] && tenant.All(char.IsAsciiLetterOrDigit) ? tenant : "anonymous";

    /// <summary>Adds idempotency keys and a limit, both per tenant.</summary>
    /// <remarks>The specification's 1000 requests a minute, counted by each replica for itself.</remarks>
    public static void AddTenants(this IServiceCollection services)
    {
        services.AddSingleton<IIdempotencyScopeResolver, TenantScope>();
        services.AddTopologyIdempotencyHttp();
        services.AddOptions<TenantLimitOptions>().BindConfiguration("TenantLimit");
        services.AddRateLimiter(limiter =>
        {
            limiter.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
            limiter.OnRejected = static (rejected, _) =>
            {
                var wait = rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var known) ? known : TimeSpan.FromSeconds(10);
                rejected.HttpContext.Response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
                return ValueTask.CompletedTask;
            };
            limiter.AddPolicy(Limit, static context => RateLimitPartition.GetSlidingWindowLimiter(
                TenantOf(context),
                _ => context.RequestServices.GetRequiredService<Microsoft.Extensions.Options.IOptions<TenantLimitOptions>>().Value.ToLimiter()));
        });
    }

    private sealed class TenantScope : IIdempotencyScopeResolver
    {
        public ValueTask<IdempotencyScope?> ResolveAsync(HttpContext context) => new(new IdempotencyScope(TenantOf(context), User: "-"));
    }
}
