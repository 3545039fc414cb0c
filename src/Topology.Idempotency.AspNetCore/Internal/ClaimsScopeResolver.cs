using System.Security.Claims;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Topology.Idempotency.AspNetCore.Internal;

/// <summary>Reads tenant and user from the authenticated caller's claims.</summary>
internal sealed class ClaimsScopeResolver(IOptions<IdempotencyHttpOptions> options) : IIdempotencyScopeResolver
{
    private const string Nobody = "-";
    private const string Hashed = "sha-256=";
    private static readonly IdempotencyScope Anonymous = new(Nobody, Nobody);

    public ValueTask<IdempotencyScope?> ResolveAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.User.Identity?.IsAuthenticated != true)
            return new(options.Value.AllowAnonymous ? Anonymous : null);
        var user = context.User.FindFirstValue(ClaimTypes.NameIdentifier) ?? context.User.FindFirstValue("sub");
        if (string.IsNullOrEmpty(user))
            return new((IdempotencyScope?)null);

        var tenant = Nobody;
        foreach (var type in options.Value.TenantClaimTypes)
        {
            if (context.User.FindFirstValue(type) is { Length: > 0 } value)
            {
                tenant = value;
                break;
            }
        }

        return new(new IdempotencyScope(Fit(tenant), Fit(user)));
    }

    // A name that may be too long once escaped gives way to its hash, and so does one that looks like such a hash.
    private static string Fit(string name) =>
        name.Length * 9 > IdempotencyKey.MaxPartLength && (Encoding.UTF8.GetByteCount(name) * 3 > IdempotencyKey.MaxPartLength || name.StartsWith(Hashed, StringComparison.Ordinal))
            ? Hashed + RequestFingerprint.Compute(Encoding.UTF8.GetBytes(name))
            : name;
}
