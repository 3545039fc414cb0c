namespace Topology.Idempotency.AspNetCore;

/// <summary>How one endpoint uses keys. Requests with GET, HEAD, OPTIONS and TRACE are left alone.</summary>
public sealed record IdempotencyEndpoint
{
    /// <summary>Gets whether a request without a key is refused; otherwise it runs unprotected.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool KeyRequired { get; init; }

    /// <summary>Gets whether a key must carry a time (visible key or UUID version 7), so that it never runs twice even after its record has expired.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool RequireTimedKeys { get; init; }

    /// <summary>Gets the operation that is part of every record key.</summary>
    /// <value>The default is <see langword="null"/>: method and route pattern.</value>
    public string? Operation { get; init; }

    /// <summary>Gets the largest request body that is read for its fingerprint, in bytes; a larger one is answered 413.</summary>
    /// <value>The default is 1 MiB.</value>
    public int MaxRequestBytes { get; init; } = 1024 * 1024;

    /// <summary>Gets the policy of the claim: ttl, lease, waiting, take-over or quarantine, largest stored response.</summary>
    /// <value>The default is <see cref="IdempotencyPolicy.Default"/>.</value>
    public IdempotencyPolicy Policy { get; init; } = IdempotencyPolicy.Default;

    /// <summary>Gets which status codes are stored; others release the key, so that a retry runs the endpoint again.</summary>
    /// <value>The default stores 200 to 499 but 401, 403, 408, 409, 425 and 429.</value>
    public Func<int, bool> ShouldStore { get; init; } = static status =>
        status is >= 200 and < 500 and not (401 or 403 or 408 or 409 or 425 or 429);

    /// <summary>Gets the response headers that are stored and replayed.</summary>
    /// <value>
    /// The default is Content-Type, Content-Language, Content-Encoding, Content-Disposition, Location, Link, ETag, Last-Modified,
    /// Cache-Control and Retry-After. Cookies and credentials never belong here.
    /// </value>
    public IReadOnlyList<string> ReplayedHeaders { get; init; } =
    [
        "Content-Type", "Content-Language", "Content-Encoding", "Content-Disposition", "Location", "Link", "ETag", "Last-Modified",
        "Cache-Control", "Retry-After",
    ];
}
