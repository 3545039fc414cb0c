namespace Topology.Idempotency.AspNetCore.Tests;

/// <summary>A store whose owners lose their claims, or whose stored results are damaged.</summary>
internal sealed class TroubledStore(IIdempotencyStore inner) : IIdempotencyStore
{
    public bool Fences { get; set; }

    public bool Damages { get; set; }

    /// <summary>Gets what completes when somebody waits for another one's result.</summary>
    public TaskCompletionSource Waited { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public async ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken = default)
    {
        var answer = await inner.ClaimAsync(request, cancellationToken);
        if (!Damages || answer.Result.IsEmpty)
            return answer;
        var result = answer.Result.ToArray();
        result[^1] ^= 1;
        return answer with { Result = result };
    }

    public ValueTask<FinishStatus> CompleteAsync(IdempotencyClaim claim, ReadOnlyMemory<byte>? result, CancellationToken cancellationToken = default) =>
        inner.CompleteAsync(Fences ? claim with { Fence = claim.Fence + 1 } : claim, result, cancellationToken);

    public ValueTask<FinishStatus> ReleaseAsync(IdempotencyClaim claim, bool outcomeUnknown, CancellationToken cancellationToken = default) =>
        inner.ReleaseAsync(claim, outcomeUnknown, cancellationToken);

    public ValueTask<FinishStatus> RenewAsync(IdempotencyClaim claim, CancellationToken cancellationToken = default) => inner.RenewAsync(claim, cancellationToken);

    public ValueTask<SealResult> SealAsync(IdempotencyRecordKey key, TimeSpan ttl, CancellationToken cancellationToken = default) =>
        inner.SealAsync(key, ttl, cancellationToken);

    public ValueTask<IdempotencyRecord?> PeekAsync(IdempotencyRecordKey key, TimeSpan wait, CancellationToken cancellationToken = default)
    {
        var peeking = inner.PeekAsync(key, wait, cancellationToken);
        Waited.TrySetResult();
        return peeking;
    }

    public ValueTask<FinishStatus> ResolveAsync(
        IdempotencyRecordKey key, long fence, bool happened, ReadOnlyMemory<byte>? result, TimeSpan ttl, CancellationToken cancellationToken = default) =>
        inner.ResolveAsync(key, fence, happened, result, ttl, cancellationToken);
}
