namespace Topology.Idempotency.AspNetCore.Tests;

internal sealed class StoreThatIsDown : IIdempotencyStore
{
    public ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken = default) => throw new IdempotencyStoreException("down");

    public ValueTask<FinishStatus> CompleteAsync(IdempotencyClaim claim, ReadOnlyMemory<byte>? result, CancellationToken cancellationToken = default) => throw new IdempotencyStoreException("down");

    public ValueTask<FinishStatus> ReleaseAsync(IdempotencyClaim claim, bool outcomeUnknown, CancellationToken cancellationToken = default) => throw new IdempotencyStoreException("down");

    public ValueTask<FinishStatus> RenewAsync(IdempotencyClaim claim, CancellationToken cancellationToken = default) => throw new IdempotencyStoreException("down");

    public ValueTask<SealResult> SealAsync(IdempotencyRecordKey key, TimeSpan ttl, CancellationToken cancellationToken = default) => throw new IdempotencyStoreException("down");

    public ValueTask<IdempotencyRecord?> PeekAsync(IdempotencyRecordKey key, TimeSpan wait, CancellationToken cancellationToken = default) => throw new IdempotencyStoreException("down");

    public ValueTask<FinishStatus> ResolveAsync(
        IdempotencyRecordKey key, long fence, bool happened, ReadOnlyMemory<byte>? result, TimeSpan ttl, CancellationToken cancellationToken = default) =>
        throw new IdempotencyStoreException("down");
}
