namespace Topology.Idempotency;

/// <summary>One attempt to own a key.</summary>
public sealed record ClaimRequest
{
    /// <summary>Gets the key.</summary>
    public required IdempotencyRecordKey Key { get; init; }

    /// <summary>Gets the fingerprint of the request.</summary>
    public RequestFingerprint Fingerprint { get; init; }

    /// <summary>Gets who claims. Sending the same claim again after a lost answer gives the same answer, with a whole lease.</summary>
    public required Guid Owner { get; init; }

    /// <summary>Gets how long the claim is held without being renewed.</summary>
    public required TimeSpan Lease { get; init; }

    /// <summary>Gets how long the record lives after each write.</summary>
    public required TimeSpan Ttl { get; init; }

    /// <summary>Gets how far the time inside the key may lie from the store's time for a new record.</summary>
    public TimeSpan TimestampTolerance { get; init; }

    /// <summary>Gets what becomes of a claim whose lease has run out.</summary>
    public AbandonedClaim OnAbandoned { get; init; }
}
