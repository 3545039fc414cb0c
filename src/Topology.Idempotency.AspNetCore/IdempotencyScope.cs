namespace Topology.Idempotency.AspNetCore;

/// <summary>Whose key it is. Both parts come from what the server knows about the caller, never from the request's own word.</summary>
/// <param name="Tenant">The tenant; not empty.</param>
/// <param name="User">The user within the tenant; not empty.</param>
public sealed record IdempotencyScope(string Tenant, string User);
