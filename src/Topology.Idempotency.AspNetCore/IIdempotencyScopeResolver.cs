using Microsoft.AspNetCore.Http;

namespace Topology.Idempotency.AspNetCore;

/// <summary>Finds out whose key a request carries. Register one to replace the reading of claims; safe for concurrent use.</summary>
public interface IIdempotencyScopeResolver
{
    /// <summary>Resolves the scope after authentication has run.</summary>
    /// <param name="context">The request.</param>
    /// <returns>The scope, or <see langword="null"/> when the caller is unknown: the request is answered 401.</returns>
    ValueTask<IdempotencyScope?> ResolveAsync(HttpContext context);
}
