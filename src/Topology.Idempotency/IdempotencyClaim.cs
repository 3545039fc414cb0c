namespace Topology.Idempotency;

/// <summary>The right to run the work of a key: a request that was granted. Every write of the owner names it.</summary>
/// <param name="Request">What was asked for.</param>
/// <param name="Fence">Grows with every owner of the key, also across release and take-over.</param>
/// <param name="Lease">How long the claim is held without being renewed; at most what was asked for.</param>
public sealed record IdempotencyClaim(ClaimRequest Request, long Fence, TimeSpan Lease)
{
    /// <summary>Gets the key.</summary>
    public IdempotencyRecordKey Key => Request.Key;

    /// <summary>Gets the request that the record is bound to.</summary>
    public RequestFingerprint Fingerprint => Request.Fingerprint;

    /// <summary>Gets the owner.</summary>
    public Guid Owner => Request.Owner;

    /// <summary>Gets how long the record lives after each write.</summary>
    public TimeSpan Ttl => Request.Ttl;
}
