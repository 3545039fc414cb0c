namespace Topology.Idempotency;

/// <summary>A record as it stands in a store.</summary>
public sealed record IdempotencyRecord
{
    /// <summary>Gets the key.</summary>
    public required IdempotencyRecordKey Key { get; init; }

    /// <summary>Gets the state.</summary>
    public required RecordState State { get; init; }

    /// <summary>Gets the fence of the latest owner.</summary>
    public required long Fence { get; init; }

    /// <summary>Gets the fingerprint of the request.</summary>
    public RequestFingerprint Fingerprint { get; init; }

    /// <summary>Gets how long the lease still runs; zero when it has run out or nobody holds the claim.</summary>
    public TimeSpan LeaseLeft { get; init; }

    /// <summary>Gets how long the record still lives.</summary>
    public TimeSpan TimeToLive { get; init; }
}
