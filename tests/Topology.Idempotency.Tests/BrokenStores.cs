using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Topology.Idempotency.Internal;
using Topology.Idempotency.Tests.Conformance;

namespace Topology.Idempotency.Tests;

/// <summary>Stores with one defect each, most of them seen in the wild, and the rule that catches it.</summary>
internal static class BrokenStores
{
    public static IReadOnlyDictionary<string, (string Rule, Func<IIdempotencyStore, FakeTimeProvider, IIdempotencyStore> Make)> All { get; } =
        new Dictionary<string, (string, Func<IIdempotencyStore, FakeTimeProvider, IIdempotencyStore>)>
        {
            ["get, then set"] = ("One of many racers gets the claim", (inner, _) => new ClaimsInProgress(inner)),
            ["record without deadline is reclaimed at once"] = ("In progress tells how long the lease still runs", (inner, _) => new Requests(inner, r => r with { Lease = TimeSpan.FromMilliseconds(1) })),
            ["in progress for the whole ttl"] = ("A lapsed lease is taken over with a greater fence", (inner, _) => new Requests(inner, r => r with { Lease = r.Ttl })),
            ["completes for anybody"] = ("A stale owner can neither complete, release nor renew", (inner, _) => new Unfenced(inner) { Complete = true }),
            ["releases for anybody"] = ("A stale owner can neither complete, release nor renew", (inner, _) => new Unfenced(inner) { Release = true }),
            ["renews for anybody"] = ("A stale owner can neither complete, release nor renew", (inner, _) => new Unfenced(inner) { Renew = true }),
            ["fence stands still"] = ("A released key is claimed at once with a greater fence", (inner, _) => new FenceStandsStill(inner)),
            ["payload never compared"] = ("Another request under the key is a mismatch in every state", (inner, _) => new Requests(inner, r => r with { Fingerprint = RequestFingerprint.None })),
            ["payload compared even when there is none"] = ("A request without fingerprint always matches", (inner, _) => new Requests(inner, r => r with { Fingerprint = r.Fingerprint == RequestFingerprint.None ? RequestFingerprint.Compute("none"u8) : r.Fingerprint })),
            ["release deletes"] = ("A released record lives the full ttl", (inner, _) => new ReleaseDeletes(inner)),
            ["no tolerance"] = ("A new key outside the tolerance is refused and leaves nothing", (inner, _) => new Requests(inner, r => r with { Key = IdempotencyRecordKey.Internal("t", "u", "o", r.Key.Value) })),
            ["tolerance before lookup"] = ("A record is found outside the tolerance in every state", (inner, time) => new ToleranceFirst(inner, time)),
            ["a refused key leaves a record"] = ("A new key outside the tolerance is refused and leaves nothing", (inner, _) => new RefusedLeavesRecord(inner)),
            ["record gone before the key is"] = ("A record is gone after its ttl, not before", (inner, _) => new Requests(inner, r => r with { Ttl = r.Ttl / 2 })),
            ["record never gone"] = ("A record is gone after its ttl, not before", (inner, _) => new Requests(inner, r => r with { Ttl = r.Ttl * 10 })),
            ["result cut off"] = ("A result is replayed byte for byte", (inner, _) => new Completions(inner, bytes => bytes?[..Math.Min(bytes.Value.Length, 100)])),
            ["tombstone runs again"] = ("A tombstone answers without a result", (inner, _) => new TombstoneReleases(inner)),
            ["quarantine ignored"] = ("A lapsed lease is quarantined when the caller says so, for everybody", (inner, _) => new Requests(inner, r => r with { OnAbandoned = AbandonedClaim.TakeOver })),
            ["lost reply is a conflict"] = ("A claim sent twice is one claim", (inner, _) => new Requests(inner, r => r with { Owner = Guid.NewGuid() })),
            ["lost take-over is a first claim"] = ("A take-over sent twice is one take-over", (inner, _) => new ForgetsTakeOver(inner)),
            ["seal only of what is absent"] = ("Seal stops every state but done", (inner, _) => new SealsAbsentOnly(inner)),
            ["seal forgets the result"] = ("Seal returns what was done", (inner, _) => new SealForgetsResult(inner)),
            ["seal ends with the default ttl"] = ("A seal lives as long as asked, and is never shortened", (inner, _) => new SealTtl(inner)),
            ["renewal keeps the lease, not the record"] = ("Renewing keeps the record alive beyond its ttl", (inner, _) => new RenewalForgetsTtl(inner)),
            ["peek does not wait"] = ("Peek waits until the work settles", (inner, _) => new PeekAtOnce(inner)),
            ["resolves any fence"] = ("An unknown outcome is settled once, by whoever names its fence", (inner, _) => new ResolvesAnyFence(inner)),
            ["operations share a key"] = ("Keys do not touch each other", (inner, _) => new OneForAll(inner)),
            ["a cancelled claim is made"] = ("A cancelled claim is not made", (inner, _) => new IgnoresCancellation(inner)),
        };

    public static StoreUnderTest Make(string name)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        return new UnderTest(All[name].Make(new InMemoryIdempotencyStore(Options.Create(new InMemoryIdempotencyStoreOptions()), time), time), time);
    }

    private sealed class UnderTest(IIdempotencyStore store, FakeTimeProvider time) : StoreUnderTest
    {
        public override IIdempotencyStore Store => store;

        public override Task PassAsync(TimeSpan passed)
        {
            time.Advance(passed);
            return Task.CompletedTask;
        }

        public override IdempotencyRecordKey TimedKey(string name, TimeSpan age) =>
            IdempotencyKey.Generate("t", "u", "o", name, time.GetUtcNow() - age).ToRecordKey();
    }

    private class Whole(IIdempotencyStore inner) : IIdempotencyStore
    {
        protected IIdempotencyStore Inner => inner;

        public virtual ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken = default) =>
            inner.ClaimAsync(request, cancellationToken);

        public virtual ValueTask<FinishStatus> CompleteAsync(IdempotencyClaim claim, ReadOnlyMemory<byte>? result, CancellationToken cancellationToken = default) =>
            inner.CompleteAsync(claim, result, cancellationToken);

        public virtual ValueTask<FinishStatus> ReleaseAsync(IdempotencyClaim claim, bool outcomeUnknown, CancellationToken cancellationToken = default) =>
            inner.ReleaseAsync(claim, outcomeUnknown, cancellationToken);

        public virtual ValueTask<FinishStatus> RenewAsync(IdempotencyClaim claim, CancellationToken cancellationToken = default) =>
            inner.RenewAsync(claim, cancellationToken);

        public virtual ValueTask<SealResult> SealAsync(IdempotencyRecordKey key, TimeSpan ttl, CancellationToken cancellationToken = default) =>
            inner.SealAsync(key, ttl, cancellationToken);

        public virtual ValueTask<IdempotencyRecord?> PeekAsync(IdempotencyRecordKey key, TimeSpan wait, CancellationToken cancellationToken = default) =>
            inner.PeekAsync(key, wait, cancellationToken);

        public virtual ValueTask<FinishStatus> ResolveAsync(
            IdempotencyRecordKey key, long fence, bool happened, ReadOnlyMemory<byte>? result, TimeSpan ttl, CancellationToken cancellationToken = default) =>
            inner.ResolveAsync(key, fence, happened, result, ttl, cancellationToken);
    }

    private sealed class Requests(IIdempotencyStore inner, Func<ClaimRequest, ClaimRequest> change) : Whole(inner)
    {
        public override ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken = default) =>
            Inner.ClaimAsync(change(request), cancellationToken);
    }

    private sealed class Completions(IIdempotencyStore inner, Func<ReadOnlyMemory<byte>?, ReadOnlyMemory<byte>?> change) : Whole(inner)
    {
        public override ValueTask<FinishStatus> CompleteAsync(IdempotencyClaim claim, ReadOnlyMemory<byte>? result, CancellationToken cancellationToken = default) =>
            Inner.CompleteAsync(claim, change(result), cancellationToken);
    }

    private sealed class ClaimsInProgress(IIdempotencyStore inner) : Whole(inner)
    {
        public override async ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken = default)
        {
            var seen = await Inner.PeekAsync(request.Key, TimeSpan.Zero, cancellationToken);
            await Task.Yield();
            var answer = await Inner.ClaimAsync(request, cancellationToken);
            return seen is null && answer.Status == ClaimStatus.InProgress
                ? new ClaimResult { Status = ClaimStatus.Acquired, Fence = answer.Fence, Claim = new(request, answer.Fence, request.Lease) }
                : answer;
        }
    }

    private sealed class Unfenced(IIdempotencyStore inner) : Whole(inner)
    {
        private readonly ConcurrentDictionary<IdempotencyRecordKey, IdempotencyClaim> _latest = new();

        public bool Complete { get; init; }

        public bool Release { get; init; }

        public bool Renew { get; init; }

        public override async ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken = default)
        {
            var answer = await Inner.ClaimAsync(request, cancellationToken);
            if (answer.Claim is { } claim)
                _latest[request.Key] = claim;
            return answer;
        }

        public override ValueTask<FinishStatus> CompleteAsync(IdempotencyClaim claim, ReadOnlyMemory<byte>? result, CancellationToken cancellationToken = default) =>
            Inner.CompleteAsync(Owner(claim, Complete), result, cancellationToken);

        public override ValueTask<FinishStatus> ReleaseAsync(IdempotencyClaim claim, bool outcomeUnknown, CancellationToken cancellationToken = default) =>
            Inner.ReleaseAsync(Owner(claim, Release), outcomeUnknown, cancellationToken);

        public override ValueTask<FinishStatus> RenewAsync(IdempotencyClaim claim, CancellationToken cancellationToken = default) =>
            Inner.RenewAsync(Owner(claim, Renew), cancellationToken);

        private IdempotencyClaim Owner(IdempotencyClaim claim, bool anybody) => anybody && _latest.TryGetValue(claim.Key, out var latest) ? latest : claim;
    }

    private sealed class FenceStandsStill(IIdempotencyStore inner) : Whole(inner)
    {
        private readonly ConcurrentDictionary<Guid, long> _fences = new();

        public override async ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken = default)
        {
            var answer = await Inner.ClaimAsync(request, cancellationToken);
            if (answer.Claim is not { } claim)
                return answer;
            _fences[claim.Owner] = claim.Fence;
            return answer with { Claim = claim with { Fence = 1 }, Fence = 1 };
        }

        public override ValueTask<FinishStatus> ReleaseAsync(IdempotencyClaim claim, bool outcomeUnknown, CancellationToken cancellationToken = default) =>
            Inner.ReleaseAsync(claim with { Fence = _fences[claim.Owner] }, outcomeUnknown, cancellationToken);
    }

    private sealed class ForgetsTakeOver(IIdempotencyStore inner) : Whole(inner)
    {
        private readonly ConcurrentDictionary<Guid, bool> _seen = new();

        public override async ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken = default)
        {
            var answer = await Inner.ClaimAsync(request, cancellationToken);
            return _seen.TryAdd(request.Owner, true) || answer.Status != ClaimStatus.TookOver ? answer : answer with { Status = ClaimStatus.Acquired };
        }
    }

    private sealed class ReleaseDeletes(IIdempotencyStore inner) : Whole(inner)
    {
        private readonly ConcurrentDictionary<IdempotencyRecordKey, bool> _deleted = new();

        public override async ValueTask<FinishStatus> ReleaseAsync(IdempotencyClaim claim, bool outcomeUnknown, CancellationToken cancellationToken = default)
        {
            _deleted[claim.Key] = true;
            return await Inner.ReleaseAsync(claim, outcomeUnknown, cancellationToken);
        }

        public override async ValueTask<IdempotencyRecord?> PeekAsync(IdempotencyRecordKey key, TimeSpan wait, CancellationToken cancellationToken = default) =>
            _deleted.ContainsKey(key) ? null : await Inner.PeekAsync(key, wait, cancellationToken);
    }

    private sealed class ToleranceFirst(IIdempotencyStore inner, TimeProvider time) : Whole(inner)
    {
        public override ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken = default) =>
            request.Key.Time is { } keyTime && (time.GetUtcNow() - keyTime).Duration() > request.TimestampTolerance
                ? new(new ClaimResult { Status = ClaimStatus.OutOfTolerance })
                : Inner.ClaimAsync(request, cancellationToken);
    }

    private sealed class RefusedLeavesRecord(IIdempotencyStore inner) : Whole(inner)
    {
        public override async ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken = default)
        {
            var answer = await Inner.ClaimAsync(request, cancellationToken);
            if (answer.Status == ClaimStatus.OutOfTolerance)
                await Inner.SealAsync(request.Key, request.Lease, cancellationToken);
            return answer;
        }
    }

    private sealed class TombstoneReleases(IIdempotencyStore inner) : Whole(inner)
    {
        public override ValueTask<FinishStatus> CompleteAsync(IdempotencyClaim claim, ReadOnlyMemory<byte>? result, CancellationToken cancellationToken = default) =>
            result is null ? Inner.ReleaseAsync(claim, outcomeUnknown: false, cancellationToken) : Inner.CompleteAsync(claim, result, cancellationToken);
    }

    private sealed class SealsAbsentOnly(IIdempotencyStore inner) : Whole(inner)
    {
        public override async ValueTask<SealResult> SealAsync(IdempotencyRecordKey key, TimeSpan ttl, CancellationToken cancellationToken = default) =>
            await Inner.PeekAsync(key, TimeSpan.Zero, cancellationToken) is { State: RecordState.InProgress or RecordState.Released }
                ? new SealResult(SealStatus.Sealed)
                : await Inner.SealAsync(key, ttl, cancellationToken);
    }

    private sealed class SealForgetsResult(IIdempotencyStore inner) : Whole(inner)
    {
        public override async ValueTask<SealResult> SealAsync(IdempotencyRecordKey key, TimeSpan ttl, CancellationToken cancellationToken = default)
        {
            await Inner.SealAsync(key, ttl, cancellationToken);
            return new SealResult(SealStatus.Sealed);
        }
    }

    private sealed class SealTtl(IIdempotencyStore inner) : Whole(inner)
    {
        public override ValueTask<SealResult> SealAsync(IdempotencyRecordKey key, TimeSpan ttl, CancellationToken cancellationToken = default) =>
            Inner.SealAsync(key, TimeSpan.FromHours(1), cancellationToken);
    }

    private sealed class RenewalForgetsTtl(IIdempotencyStore inner) : Whole(inner)
    {
        public override ValueTask<FinishStatus> RenewAsync(IdempotencyClaim claim, CancellationToken cancellationToken = default) =>
            Inner.RenewAsync(claim with { Request = claim.Request with { Ttl = TimeSpan.Zero } }, cancellationToken);
    }

    private sealed class PeekAtOnce(IIdempotencyStore inner) : Whole(inner)
    {
        public override ValueTask<IdempotencyRecord?> PeekAsync(IdempotencyRecordKey key, TimeSpan wait, CancellationToken cancellationToken = default) =>
            Inner.PeekAsync(key, TimeSpan.Zero, cancellationToken);
    }

    private sealed class ResolvesAnyFence(IIdempotencyStore inner) : Whole(inner)
    {
        public override async ValueTask<FinishStatus> ResolveAsync(
            IdempotencyRecordKey key, long fence, bool happened, ReadOnlyMemory<byte>? result, TimeSpan ttl, CancellationToken cancellationToken = default)
        {
            var record = await Inner.PeekAsync(key, TimeSpan.Zero, cancellationToken);
            return await Inner.ResolveAsync(key, record?.Fence ?? fence, happened, result, ttl, cancellationToken);
        }
    }

    private sealed class OneForAll(IIdempotencyStore inner) : Whole(inner)
    {
        private static IdempotencyRecordKey Key(IdempotencyRecordKey key) =>
            IdempotencyRecordKey.Internal("t", "u", "o", key.Value[(key.Value.LastIndexOf(':') + 1)..]);

        public override ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken = default) =>
            Inner.ClaimAsync(request with { Key = Key(request.Key) }, cancellationToken);

        public override ValueTask<IdempotencyRecord?> PeekAsync(IdempotencyRecordKey key, TimeSpan wait, CancellationToken cancellationToken = default) =>
            Inner.PeekAsync(Key(key), wait, cancellationToken);
    }

    private sealed class IgnoresCancellation(IIdempotencyStore inner) : Whole(inner)
    {
        public override async ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken = default)
        {
            var answer = await Inner.ClaimAsync(request, CancellationToken.None);
            cancellationToken.ThrowIfCancellationRequested();
            return answer;
        }
    }
}
