namespace Topology.Idempotency;

/// <summary>What running work knows about its claim. Used by one execution; not safe for concurrent use.</summary>
public sealed class IdempotencyContext
{
    private ResultDisposition _disposition; // beside the flags; as a nullable one it makes every call larger
    private bool _isDecided;

    internal IdempotencyContext(long fence, bool tookOver, CancellationToken leaseLost)
    {
        Fence = fence;
        TookOver = tookOver;
        LeaseLost = leaseLost;
    }

    /// <summary>Gets a number that grows with every owner of the key. A participant that remembers the highest one refuses stale owners.</summary>
    /// <value>0 when the work runs without a claim because the store is down and the policy allows it.</value>
    public long Fence { get; }

    /// <summary>Gets whether an earlier owner's lease ran out: the work may have happened already.</summary>
    public bool TookOver { get; }

    /// <summary>Gets a token that is cancelled when the lease is lost; another caller may be running the work.</summary>
    public CancellationToken LeaseLost { get; }

    /// <summary>Gets or sets what becomes of the record when the work returns, or throws.</summary>
    /// <value>
    /// The default is <see langword="null"/>: a result is stored, an exception releases the record (with
    /// <see cref="AbandonedClaim.Quarantine"/>: leaves it indeterminate).
    /// </value>
    public ResultDisposition? Disposition
    {
        get => _isDecided ? _disposition : null;
        set => (_isDecided, _disposition) = (value is not null, value.GetValueOrDefault());
    }
}
