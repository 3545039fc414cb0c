namespace Topology.Idempotency;

/// <summary>The right to run the work of a key. Every write of the owner names it.</summary>
/// <param name="Key">The key.</param>
/// <param name="Fingerprint">The request that the record is bound to.</param>
/// <param name="Owner">The owner.</param>
/// <param name="Fence">Grows with every owner of the key, also across release and take-over.</param>
/// <param name="Lease">How long the claim is held without being renewed.</param>
/// <param name="Ttl">How long the record lives after each write.</param>
public sealed record IdempotencyClaim(IdempotencyRecordKey Key, RequestFingerprint Fingerprint, Guid Owner, long Fence, TimeSpan Lease, TimeSpan Ttl);
