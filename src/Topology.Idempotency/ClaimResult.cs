namespace Topology.Idempotency;

/// <summary>A store's answer to a claim.</summary>
public readonly record struct ClaimResult
{
    /// <summary>Gets what the store decided.</summary>
    public required ClaimStatus Status { get; init; }

    /// <summary>Gets the claim when it was acquired.</summary>
    public IdempotencyClaim? Claim { get; init; }

    /// <summary>Gets the fence of the record that stands in the way; 0 when there is none.</summary>
    public long Fence { get; init; }

    /// <summary>Gets the stored bytes when the work is done.</summary>
    public ReadOnlyMemory<byte> Result { get; init; }

    /// <summary>Gets how long the other owner's lease still runs when the work is in progress.</summary>
    public TimeSpan RetryAfter { get; init; }
}
