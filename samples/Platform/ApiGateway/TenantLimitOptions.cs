using System.Threading.RateLimiting;

namespace Platform.ApiGateway;

/// <summary>How many requests a tenant may send to one replica.</summary>
internal sealed class TenantLimitOptions
{
    public int PerMinute { get; set; } = 1000;

    public SlidingWindowRateLimiterOptions ToLimiter() =>
        new() { PermitLimit = PerMinute, Window = TimeSpan.FromMinutes(1), SegmentsPerWindow = 6, AutoReplenishment = true };
}
