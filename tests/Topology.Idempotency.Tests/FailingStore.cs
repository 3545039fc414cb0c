namespace Topology.Idempotency.Tests;

/// <summary>A store that can be taken away or damaged in the middle of a call.</summary>
internal sealed class FailingStore(IIdempotencyStore inner) : IIdempotencyStore
{
    public bool IsDown { get; set; }

    public bool Damage { get; set; }

    /// <summary>Gets or sets what happens before a completion reaches the store.</summary>
    public Action<ReadOnlyMemory<byte>?>? BeforeComplete { get; set; }

    private IIdempotencyStore Inner => IsDown ? throw new IdempotencyStoreException("down") : inner;

    public async ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken = default)
    {
        var answer = await Inner.ClaimAsync(request, cancellationToken);
        return answer with { Result = Damaged(answer.Result) };
    }

    public ValueTask<FinishStatus> CompleteAsync(IdempotencyClaim claim, ReadOnlyMemory<byte>? result, CancellationToken cancellationToken = default)
    {
        BeforeComplete?.Invoke(result);
        return Inner.CompleteAsync(claim, result, cancellationToken);
    }

    public ValueTask<FinishStatus> ReleaseAsync(IdempotencyClaim claim, bool outcomeUnknown, CancellationToken cancellationToken = default) =>
        Inner.ReleaseAsync(claim, outcomeUnknown, cancellationToken);

    public ValueTask<FinishStatus> RenewAsync(IdempotencyClaim claim, CancellationToken cancellationToken = default) =>
        Inner.RenewAsync(claim, cancellationToken);

    public async ValueTask<SealResult> SealAsync(IdempotencyRecordKey key, TimeSpan ttl, CancellationToken cancellationToken = default)
    {
        var answer = await Inner.SealAsync(key, ttl, cancellationToken);
        return answer with { Result = Damaged(answer.Result) };
    }

    public ValueTask<IdempotencyRecord?> PeekAsync(IdempotencyRecordKey key, TimeSpan wait, CancellationToken cancellationToken = default) =>
        Inner.PeekAsync(key, wait, cancellationToken);

    public ValueTask<FinishStatus> ResolveAsync(
        IdempotencyRecordKey key, long fence, bool happened, ReadOnlyMemory<byte>? result, TimeSpan ttl, CancellationToken cancellationToken = default) =>
        Inner.ResolveAsync(key, fence, happened, result, ttl, cancellationToken);

    private ReadOnlyMemory<byte> Damaged(ReadOnlyMemory<byte> result)
    {
        if (!Damage || result.IsEmpty)
            return result;
        var copy = result.ToArray();
        copy[^1] ^= 1;
        return copy;
    }
}
