using System.Text;

namespace Topology.Idempotency.Tests.Conformance;

/// <summary>What every <see cref="IIdempotencyStore"/> promises. Each rule throws when the store breaks it.</summary>
public static class StoreRules
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Ttl = TimeSpan.FromHours(1);
    private static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly RequestFingerprint One = RequestFingerprint.Compute("1"u8);
    private static readonly RequestFingerprint Two = RequestFingerprint.Compute("2"u8);

    public static IReadOnlyDictionary<string, Func<StoreUnderTest, Task>> All { get; } = new Dictionary<string, Func<StoreUnderTest, Task>>
    {
        ["One of many racers gets the claim"] = OneWinner,
        ["A result is replayed byte for byte"] = Replay,
        ["The stored bytes are the store's own"] = OwnBytes,
        ["A tombstone answers without a result"] = Tombstones,
        ["Another request under the key is a mismatch in every state"] = Mismatch,
        ["A request without fingerprint always matches"] = NoFingerprint,
        ["In progress tells how long the lease still runs"] = InProgress,
        ["A lapsed lease is taken over with a greater fence"] = TakeOver,
        ["A lapsed lease is quarantined when the caller says so, for everybody"] = Quarantine,
        ["A renewed lease does not lapse"] = Renew,
        ["A stale owner can neither complete, release nor renew"] = StaleOwner,
        ["A released key is claimed at once with a greater fence"] = Release,
        ["A released record lives the full ttl"] = ReleasedLives,
        ["A claim sent twice is one claim"] = Reentrant,
        ["A take-over sent twice is one take-over"] = ReentrantTakeOver,
        ["A completion sent twice is done twice"] = CompleteTwice,
        ["A final record is not released, completed otherwise or renewed"] = Final,
        ["Seal stops every state but done"] = Seals,
        ["Seal returns what was done"] = SealOfDone,
        ["A seal lives as long as asked, and is never shortened"] = SealLives,
        ["A record is gone after its ttl, not before"] = Expiry,
        ["A late completion starts the ttl anew"] = CompletionExtends,
        ["Renewing keeps the record alive beyond its ttl"] = RenewalExtends,
        ["No later write shortens a record's life"] = NeverShortened,
        ["A new key outside the tolerance is refused and leaves nothing"] = OutOfTolerance,
        ["Keys at the edge of the tolerance start work"] = EdgeOfTolerance,
        ["A key with a time never starts work twice"] = NeverTwice,
        ["A record is found outside the tolerance in every state"] = FoundOutsideTolerance,
        ["Peek tells state, fence and lease"] = Peek,
        ["Peek waits until the work settles"] = PeekWaits,
        ["An unknown outcome is settled once, by whoever names its fence"] = Resolve,
        ["The owner that caused a quarantine may still say what happened"] = OwnerSettlesQuarantine,
        ["After a resolution the owner's word comes too late"] = OwnerAfterResolution,
        ["Keys do not touch each other"] = Apart,
        ["A cancelled claim is not made"] = CancelledClaim,
    };

    private static ClaimRequest Claim(IdempotencyRecordKey key, RequestFingerprint? fingerprint = null, AbandonedClaim abandoned = AbandonedClaim.TakeOver) => new()
    {
        Key = key,
        Fingerprint = fingerprint ?? One,
        Owner = Guid.NewGuid(),
        Lease = Lease,
        Ttl = Ttl,
        TimestampTolerance = Tolerance,
        OnAbandoned = abandoned,
    };

    private static IdempotencyRecordKey NewKey() => IdempotencyRecordKey.Internal("t", "u", "o", Guid.NewGuid().ToString());

    private static async Task<IdempotencyClaim> AcquireAsync(StoreUnderTest test, IdempotencyRecordKey key)
    {
        var answer = await test.Store.ClaimAsync(Claim(key), TestContext.Current.CancellationToken);
        Assert.Equal(ClaimStatus.Acquired, answer.Status);
        Assert.NotNull(answer.Claim);
        Assert.True(answer.Claim.Fence > 0);
        Assert.Equal(answer.Claim.Fence, answer.Fence);
        return answer.Claim;
    }

    private static async Task<ClaimStatus> StatusAsync(StoreUnderTest test, IdempotencyRecordKey key) =>
        (await test.Store.ClaimAsync(Claim(key), TestContext.Current.CancellationToken)).Status;

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static async Task OneWinner(StoreUnderTest test)
    {
        for (var round = 0; round < 20; round++)
        {
            var key = NewKey();
            var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => test.Store.ClaimAsync(Claim(key)).AsTask())));
            Assert.Single(answers, a => a.Status == ClaimStatus.Acquired);
            Assert.Equal(15, answers.Count(a => a.Status == ClaimStatus.InProgress));
        }
    }

    private static async Task Replay(StoreUnderTest test)
    {
        var key = NewKey();
        var result = new byte[300];
        Random.Shared.NextBytes(result);
        var claim = await AcquireAsync(test, key);
        Assert.Equal(FinishStatus.Done, await test.Store.CompleteAsync(claim, result));

        var answer = await test.Store.ClaimAsync(Claim(key));
        Assert.Equal(ClaimStatus.Completed, answer.Status);
        Assert.Equal(result, answer.Result.ToArray());
        Assert.Equal(claim.Fence, answer.Fence);
        Assert.Null(answer.Claim);

        var empty = NewKey();
        await test.Store.CompleteAsync(await AcquireAsync(test, empty), ReadOnlyMemory<byte>.Empty);
        Assert.Equal(ClaimStatus.Completed, await StatusAsync(test, empty));
    }

    private static async Task OwnBytes(StoreUnderTest test)
    {
        var key = NewKey();
        var result = Bytes("before").ToArray();
        await test.Store.CompleteAsync(await AcquireAsync(test, key), result);
        result[0] = (byte)'X';
        Assert.Equal("before", Encoding.UTF8.GetString((await test.Store.ClaimAsync(Claim(key))).Result.Span));
    }

    private static async Task Tombstones(StoreUnderTest test)
    {
        var key = NewKey();
        Assert.Equal(FinishStatus.Done, await test.Store.CompleteAsync(await AcquireAsync(test, key), null));
        var answer = await test.Store.ClaimAsync(Claim(key));
        Assert.Equal(ClaimStatus.Tombstone, answer.Status);
        Assert.True(answer.Result.IsEmpty);
    }

    private static async Task Mismatch(StoreUnderTest test)
    {
        async Task Check(IdempotencyRecordKey key)
        {
            var answer = await test.Store.ClaimAsync(Claim(key, Two));
            Assert.Equal(ClaimStatus.Mismatch, answer.Status);
            Assert.True(answer.Result.IsEmpty);
        }

        var running = NewKey();
        await AcquireAsync(test, running);
        await Check(running);

        var done = NewKey();
        await test.Store.CompleteAsync(await AcquireAsync(test, done), Bytes("x"));
        await Check(done);

        var released = NewKey();
        await test.Store.ReleaseAsync(await AcquireAsync(test, released), outcomeUnknown: false);
        await Check(released);

        var unknown = NewKey();
        await test.Store.ReleaseAsync(await AcquireAsync(test, unknown), outcomeUnknown: true);
        await Check(unknown);

        var lapsed = NewKey();
        await AcquireAsync(test, lapsed);
        await test.PassAsync(Lease + Second);
        await Check(lapsed);
        Assert.Equal(ClaimStatus.Indeterminate, (await test.Store.ClaimAsync(Claim(lapsed, abandoned: AbandonedClaim.Quarantine))).Status);
        await Check(lapsed);
    }

    private static async Task NoFingerprint(StoreUnderTest test)
    {
        var key = NewKey();
        await test.Store.CompleteAsync(await AcquireAsync(test, key), Bytes("x"));
        Assert.Equal(ClaimStatus.Completed, (await test.Store.ClaimAsync(Claim(key, RequestFingerprint.None))).Status);

        var bare = NewKey();
        Assert.Equal(ClaimStatus.Acquired, (await test.Store.ClaimAsync(Claim(bare, RequestFingerprint.None))).Status);
        Assert.Equal(ClaimStatus.InProgress, (await test.Store.ClaimAsync(Claim(bare, Two))).Status);
    }

    private static async Task InProgress(StoreUnderTest test)
    {
        var key = NewKey();
        var claim = await AcquireAsync(test, key);
        Assert.InRange(claim.Lease, Lease - Second, Lease);
        await test.PassAsync(10 * Second);
        var answer = await test.Store.ClaimAsync(Claim(key));
        Assert.Equal(ClaimStatus.InProgress, answer.Status);
        Assert.Equal(claim.Fence, answer.Fence);
        Assert.InRange(answer.RetryAfter, 18 * Second, 20 * Second);
    }

    private static async Task TakeOver(StoreUnderTest test)
    {
        var key = NewKey();
        var first = await AcquireAsync(test, key);
        await test.PassAsync(Lease - Second);
        Assert.Equal(ClaimStatus.InProgress, await StatusAsync(test, key));
        await test.PassAsync(2 * Second);
        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => test.Store.ClaimAsync(Claim(key)).AsTask())));
        var winner = Assert.Single(answers, a => a.Status == ClaimStatus.TookOver);
        Assert.True(winner.Claim!.Fence > first.Fence);
        Assert.Equal(15, answers.Count(a => a.Status == ClaimStatus.InProgress));
        await test.PassAsync(Lease - Second);
        Assert.Equal(ClaimStatus.InProgress, await StatusAsync(test, key));
    }

    private static async Task Quarantine(StoreUnderTest test)
    {
        var key = NewKey();
        var first = await AcquireAsync(test, key);
        Assert.Equal(ClaimStatus.InProgress, (await test.Store.ClaimAsync(Claim(key, abandoned: AbandonedClaim.Quarantine))).Status);
        await test.PassAsync(Lease + Second);
        var answer = await test.Store.ClaimAsync(Claim(key, abandoned: AbandonedClaim.Quarantine));
        Assert.Equal(ClaimStatus.Indeterminate, answer.Status);
        Assert.Equal(first.Fence, answer.Fence);
        Assert.Equal(ClaimStatus.Indeterminate, await StatusAsync(test, key));

        var said = NewKey();
        Assert.Equal(FinishStatus.Done, await test.Store.ReleaseAsync(await AcquireAsync(test, said), outcomeUnknown: true));
        Assert.Equal(ClaimStatus.Indeterminate, await StatusAsync(test, said));
    }

    private static async Task Renew(StoreUnderTest test)
    {
        var key = NewKey();
        var claim = await AcquireAsync(test, key);
        for (var i = 0; i < 5; i++)
        {
            await test.PassAsync(20 * Second);
            Assert.Equal(FinishStatus.Done, await test.Store.RenewAsync(claim));
            Assert.Equal(ClaimStatus.InProgress, await StatusAsync(test, key));
        }

        await test.PassAsync(Lease + Second);
        Assert.Equal(ClaimStatus.TookOver, await StatusAsync(test, key));
    }

    private static async Task StaleOwner(StoreUnderTest test)
    {
        var key = NewKey();
        var stale = await AcquireAsync(test, key);
        await test.PassAsync(Lease + Second);
        var owner = (await test.Store.ClaimAsync(Claim(key))).Claim!;

        async Task Refused(IdempotencyClaim claim, FinishStatus expected)
        {
            Assert.Equal(expected, await test.Store.CompleteAsync(claim, Bytes("stale")));
            Assert.Equal(expected, await test.Store.ReleaseAsync(claim, outcomeUnknown: false));
            Assert.Equal(expected, await test.Store.ReleaseAsync(claim, outcomeUnknown: true));
            Assert.Equal(expected, await test.Store.RenewAsync(claim));
        }

        await Refused(stale, FinishStatus.Fenced);
        await Refused(stale with { Fence = owner.Fence }, FinishStatus.Fenced);
        await Refused(owner with { Fence = stale.Fence }, FinishStatus.Fenced);
        Assert.Equal(FinishStatus.Done, await test.Store.CompleteAsync(owner, Bytes("owner")));
        await Refused(stale, FinishStatus.Fenced);
        Assert.Equal("owner", Encoding.UTF8.GetString((await test.Store.ClaimAsync(Claim(key))).Result.Span));
        await Refused(new IdempotencyClaim(Claim(NewKey()), 1, Lease), FinishStatus.Lost);
    }

    private static async Task Release(StoreUnderTest test)
    {
        var key = NewKey();
        var first = await AcquireAsync(test, key);
        Assert.Equal(FinishStatus.Done, await test.Store.ReleaseAsync(first, outcomeUnknown: false));
        Assert.Equal(FinishStatus.Done, await test.Store.ReleaseAsync(first, outcomeUnknown: false));
        var second = await AcquireAsync(test, key);
        Assert.True(second.Fence > first.Fence);
        Assert.Equal(FinishStatus.Fenced, await test.Store.ReleaseAsync(first, outcomeUnknown: false));
    }

    private static async Task ReleasedLives(StoreUnderTest test)
    {
        var key = NewKey();
        var first = await AcquireAsync(test, key);
        await test.PassAsync(20 * Second);
        await test.Store.ReleaseAsync(first, outcomeUnknown: false);
        await test.PassAsync(Ttl - Second);
        Assert.Equal(RecordState.Released, (await test.Store.PeekAsync(key, TimeSpan.Zero))?.State);
        await test.PassAsync(2 * Second);
        Assert.Null(await test.Store.PeekAsync(key, TimeSpan.Zero));
    }

    private static async Task Reentrant(StoreUnderTest test)
    {
        var request = Claim(NewKey());
        var first = await test.Store.ClaimAsync(request);
        await test.PassAsync(10 * Second);
        var again = await test.Store.ClaimAsync(request);
        Assert.Equal(ClaimStatus.Acquired, again.Status);
        Assert.Equal(first.Claim!.Fence, again.Claim!.Fence);
        Assert.InRange(again.Claim.Lease, Lease - Second, Lease);

        await test.PassAsync(Lease + Second);
        again = await test.Store.ClaimAsync(request);
        Assert.Equal((ClaimStatus.Acquired, first.Claim.Fence), (again.Status, again.Claim!.Fence));
        Assert.InRange(again.Claim.Lease, Lease - Second, Lease);
        await test.PassAsync(Lease - Second);
        Assert.Equal(ClaimStatus.InProgress, await StatusAsync(test, request.Key));
    }

    private static async Task ReentrantTakeOver(StoreUnderTest test)
    {
        async Task<IdempotencyClaim> TakeOverAsync(IdempotencyRecordKey key)
        {
            await AcquireAsync(test, key);
            await test.PassAsync(Lease + Second);
            var request = Claim(key);
            var first = await test.Store.ClaimAsync(request);
            var again = await test.Store.ClaimAsync(request);
            Assert.Equal((ClaimStatus.TookOver, ClaimStatus.TookOver), (first.Status, again.Status));
            Assert.Equal(first.Claim!.Fence, again.Claim!.Fence);
            return again.Claim;
        }

        var done = NewKey();
        var claim = await TakeOverAsync(done);
        var record = await test.Store.PeekAsync(done, TimeSpan.Zero);
        Assert.Equal((RecordState.InProgress, claim.Fence), (record!.State, record.Fence));
        Assert.True(record.LeaseLeft > TimeSpan.Zero);
        await test.PassAsync(20 * Second);
        Assert.Equal(FinishStatus.Done, await test.Store.RenewAsync(claim));
        await test.PassAsync(20 * Second);
        Assert.Equal(ClaimStatus.InProgress, await StatusAsync(test, done));
        Assert.Equal(FinishStatus.Done, await test.Store.CompleteAsync(claim, Bytes("x")));
        Assert.Equal(ClaimStatus.Completed, await StatusAsync(test, done));

        var released = NewKey();
        Assert.Equal(FinishStatus.Done, await test.Store.ReleaseAsync(await TakeOverAsync(released), outcomeUnknown: false));
        await AcquireAsync(test, released);

        var lapsed = NewKey();
        claim = await TakeOverAsync(lapsed);
        await test.PassAsync(Lease + Second);
        Assert.Equal(ClaimStatus.Indeterminate, (await test.Store.ClaimAsync(Claim(lapsed, abandoned: AbandonedClaim.Quarantine))).Status);
        Assert.Equal(FinishStatus.Done, await test.Store.ResolveAsync(lapsed, claim.Fence, happened: true, null, Ttl));

        var given = NewKey();
        await TakeOverAsync(given);
        Assert.Equal(SealStatus.Sealed, (await test.Store.SealAsync(given, Ttl)).Status);
    }

    private static async Task CompleteTwice(StoreUnderTest test)
    {
        var key = NewKey();
        var claim = await AcquireAsync(test, key);
        Assert.Equal(FinishStatus.Done, await test.Store.CompleteAsync(claim, Bytes("x")));
        Assert.Equal(FinishStatus.Done, await test.Store.CompleteAsync(claim, Bytes("x")));
        Assert.Equal(ClaimStatus.Completed, await StatusAsync(test, key));
    }

    private static async Task Final(StoreUnderTest test)
    {
        var key = NewKey();
        var claim = await AcquireAsync(test, key);
        await test.Store.CompleteAsync(claim, Bytes("x"));
        Assert.Equal(FinishStatus.Fenced, await test.Store.ReleaseAsync(claim, outcomeUnknown: false));
        Assert.Equal(FinishStatus.Fenced, await test.Store.ReleaseAsync(claim, outcomeUnknown: true));
        Assert.Equal(FinishStatus.Fenced, await test.Store.CompleteAsync(claim, null));
        Assert.Equal(FinishStatus.Fenced, await test.Store.RenewAsync(claim));
        Assert.Equal("x", Encoding.UTF8.GetString((await test.Store.ClaimAsync(Claim(key))).Result.Span));
    }

    private static async Task Seals(StoreUnderTest test)
    {
        async Task Check(IdempotencyRecordKey key, IdempotencyClaim? claim)
        {
            Assert.Equal(SealStatus.Sealed, (await test.Store.SealAsync(key, Ttl)).Status);
            Assert.Equal(SealStatus.Sealed, (await test.Store.SealAsync(key, Ttl)).Status);
            Assert.Equal(ClaimStatus.Sealed, await StatusAsync(test, key));
            Assert.Equal(ClaimStatus.Sealed, (await test.Store.ClaimAsync(Claim(key, Two))).Status);
            if (claim is null)
                return;
            Assert.Equal(FinishStatus.Fenced, await test.Store.CompleteAsync(claim, Bytes("late")));
            Assert.Equal(FinishStatus.Fenced, await test.Store.ReleaseAsync(claim, outcomeUnknown: false));
            Assert.Equal(FinishStatus.Fenced, await test.Store.ReleaseAsync(claim, outcomeUnknown: true));
            Assert.Equal(FinishStatus.Fenced, await test.Store.RenewAsync(claim));
            Assert.Equal(ClaimStatus.Sealed, await StatusAsync(test, key));
        }

        await Check(NewKey(), null);

        var running = NewKey();
        await Check(running, await AcquireAsync(test, running));

        var released = NewKey();
        var claim = await AcquireAsync(test, released);
        await test.Store.ReleaseAsync(claim, outcomeUnknown: false);
        await Check(released, claim);

        var unknown = NewKey();
        claim = await AcquireAsync(test, unknown);
        await test.Store.ReleaseAsync(claim, outcomeUnknown: true);
        await Check(unknown, claim);
    }

    private static async Task SealOfDone(StoreUnderTest test)
    {
        var key = NewKey();
        await test.Store.CompleteAsync(await AcquireAsync(test, key), Bytes("x"));
        var answer = await test.Store.SealAsync(key, Ttl);
        Assert.Equal(SealStatus.Completed, answer.Status);
        Assert.Equal("x", Encoding.UTF8.GetString(answer.Result.Span));
        Assert.Equal(ClaimStatus.Completed, await StatusAsync(test, key));

        var tombstone = NewKey();
        await test.Store.CompleteAsync(await AcquireAsync(test, tombstone), null);
        Assert.Equal(SealStatus.Tombstone, (await test.Store.SealAsync(tombstone, Ttl)).Status);
    }

    private static async Task SealLives(StoreUnderTest test)
    {
        var key = NewKey();
        await AcquireAsync(test, key);
        await test.Store.SealAsync(key, 3 * Ttl);
        await test.PassAsync(2 * Ttl);
        Assert.Equal(ClaimStatus.Sealed, await StatusAsync(test, key));
        await test.Store.SealAsync(key, Second);
        await test.PassAsync(Ttl - Second);
        Assert.Equal(ClaimStatus.Sealed, await StatusAsync(test, key));
        await test.PassAsync(2 * Second);
        Assert.Null(await test.Store.PeekAsync(key, TimeSpan.Zero));
    }

    private static async Task Expiry(StoreUnderTest test)
    {
        var key = NewKey();
        await test.Store.CompleteAsync(await AcquireAsync(test, key), Bytes("x"));
        await test.PassAsync(Ttl - Second);
        Assert.Equal(ClaimStatus.Completed, await StatusAsync(test, key));
        await test.PassAsync(2 * Second);
        Assert.Null(await test.Store.PeekAsync(key, TimeSpan.Zero));
        Assert.Equal(ClaimStatus.Acquired, await StatusAsync(test, key));
    }

    private static async Task CompletionExtends(StoreUnderTest test)
    {
        var key = NewKey();
        var claim = await AcquireAsync(test, key);
        await test.PassAsync(20 * Second);
        await test.Store.CompleteAsync(claim, Bytes("x"));
        await test.PassAsync(Ttl - 10 * Second);
        Assert.Equal(ClaimStatus.Completed, await StatusAsync(test, key));
    }

    private static async Task RenewalExtends(StoreUnderTest test)
    {
        var key = NewKey();
        var claim = await AcquireAsync(test, key);
        for (var i = 0; i < 5; i++)
        {
            await test.PassAsync(Ttl / 4);
            Assert.Equal(FinishStatus.Done, await test.Store.RenewAsync(claim));
        }

        Assert.Equal(ClaimStatus.InProgress, await StatusAsync(test, key));
    }

    private static async Task NeverShortened(StoreUnderTest test)
    {
        var key = NewKey();
        var first = (await test.Store.ClaimAsync(Claim(key) with { Ttl = 5 * Ttl })).Claim!;
        await test.Store.ReleaseAsync(first with { Request = first.Request with { Ttl = Ttl } }, outcomeUnknown: false);

        async Task Lives()
        {
            await test.PassAsync(Second);
            Assert.InRange((await test.Store.PeekAsync(key, TimeSpan.Zero))!.TimeToLive, 5 * Ttl - 20 * Second, 5 * Ttl);
        }

        await Lives();
        var second = (await test.Store.ClaimAsync(Claim(key))).Claim!;
        await Lives();
        await test.Store.RenewAsync(second);
        await Lives();
        await test.Store.ReleaseAsync(second, outcomeUnknown: true);
        await Lives();
        await test.Store.ReleaseAsync(second, outcomeUnknown: false); // the owner that caused it says what happened
        await Lives();
        var third = (await test.Store.ClaimAsync(Claim(key))).Claim!;
        await test.Store.ReleaseAsync(third, outcomeUnknown: true);
        await test.Store.ResolveAsync(key, third.Fence, happened: false, null, Second);
        await Lives();
        await test.Store.CompleteAsync((await test.Store.ClaimAsync(Claim(key))).Claim!, Bytes("x"));
        await Lives();
    }

    private static async Task OutOfTolerance(StoreUnderTest test)
    {
        foreach (var age in new[] { Tolerance + 2 * Second, -Tolerance - 2 * Second, TimeSpan.FromSeconds(-2900), TimeSpan.FromDays(1) })
        {
            var key = test.TimedKey(Guid.NewGuid().ToString(), age);
            Assert.Equal(ClaimStatus.OutOfTolerance, await StatusAsync(test, key));
            Assert.Null(await test.Store.PeekAsync(key, TimeSpan.Zero));
        }
    }

    private static async Task EdgeOfTolerance(StoreUnderTest test)
    {
        foreach (var age in new[] { Tolerance - 2 * Second, -Tolerance + 2 * Second, TimeSpan.Zero })
        {
            var key = test.TimedKey(Guid.NewGuid().ToString(), age);
            var claim = await AcquireAsync(test, key);
            Assert.Equal(FinishStatus.Done, await test.Store.CompleteAsync(claim, Bytes("x")));
            Assert.Equal(ClaimStatus.Completed, await StatusAsync(test, key));
        }
    }

    // Whatever was claimed first and whenever it is asked again: a key with a time is replayed, or refused, but never new.
    private static async Task NeverTwice(StoreUnderTest test)
    {
        foreach (var age in new[] { Tolerance - 2 * Second, TimeSpan.Zero, -Tolerance + 2 * Second, TimeSpan.FromSeconds(-2900) })
        {
            var name = Guid.NewGuid().ToString();
            var runs = 0;
            var last = ClaimStatus.OutOfTolerance;
            for (var passed = TimeSpan.Zero; passed < 3 * Ttl; passed += Tolerance - Second)
            {
                var answer = await test.Store.ClaimAsync(Claim(test.TimedKey(name, age + passed)));
                if (answer.Claim is { } claim)
                {
                    runs++;
                    Assert.Equal(ClaimStatus.OutOfTolerance, last);
                    await test.Store.CompleteAsync(claim, Bytes("x"));
                }

                Assert.True(answer.Status is ClaimStatus.Acquired or ClaimStatus.Completed or ClaimStatus.OutOfTolerance, $"{answer.Status} after {passed}, age {age}");
                last = answer.Status;
                await test.PassAsync(Tolerance - Second);
            }

            Assert.Equal((1, ClaimStatus.OutOfTolerance), (runs, last));
        }

        // An owner that dies just after its claim: until nothing can be known any more it is a take-over, then it is refused.
        foreach (var age in new[] { Tolerance - 2 * Second, TimeSpan.Zero, -Tolerance + 2 * Second })
        {
            var name = Guid.NewGuid().ToString();
            await AcquireAsync(test, test.TimedKey(name, age));
            await test.PassAsync(Ttl + Second);
            Assert.Equal(ClaimStatus.OutOfTolerance, await StatusAsync(test, test.TimedKey(name, age + Ttl + Second)));
        }
    }

    private static async Task FoundOutsideTolerance(StoreUnderTest test)
    {
        var later = Tolerance + TimeSpan.FromMinutes(1);

        async Task<ClaimResult> RetryLater(string name, AbandonedClaim abandoned = AbandonedClaim.TakeOver) =>
            await test.Store.ClaimAsync(Claim(test.TimedKey(name, later), abandoned: abandoned));

        string[] names = [.. Enumerable.Range(0, 5).Select(_ => Guid.NewGuid().ToString())];
        var released = await AcquireAsync(test, test.TimedKey(names[0], TimeSpan.Zero));
        await test.Store.ReleaseAsync(released, outcomeUnknown: false);
        var killed = await AcquireAsync(test, test.TimedKey(names[1], TimeSpan.Zero));
        await AcquireAsync(test, test.TimedKey(names[2], TimeSpan.Zero));
        var running = await AcquireAsync(test, test.TimedKey(names[3], TimeSpan.Zero));
        await test.Store.SealAsync(test.TimedKey(names[4], TimeSpan.Zero), Ttl);
        await test.PassAsync(later);
        await test.Store.RenewAsync(running);

        var again = await RetryLater(names[0]);
        Assert.Equal(ClaimStatus.Acquired, again.Status);
        Assert.True(again.Fence > released.Fence);
        var takeOver = await RetryLater(names[1]);
        Assert.Equal(ClaimStatus.TookOver, takeOver.Status);
        Assert.True(takeOver.Fence > killed.Fence);
        Assert.Equal(ClaimStatus.Indeterminate, (await RetryLater(names[2], AbandonedClaim.Quarantine)).Status);
        Assert.Equal(ClaimStatus.InProgress, (await RetryLater(names[3])).Status);
        Assert.Equal(ClaimStatus.Sealed, (await RetryLater(names[4])).Status);
        Assert.Equal(ClaimStatus.Mismatch, (await test.Store.ClaimAsync(Claim(test.TimedKey(names[0], later), Two))).Status);
    }

    private static async Task Peek(StoreUnderTest test)
    {
        var key = NewKey();
        Assert.Null(await test.Store.PeekAsync(key, TimeSpan.Zero));
        var claim = await AcquireAsync(test, key);
        await test.PassAsync(10 * Second);
        var record = await test.Store.PeekAsync(key, TimeSpan.Zero);
        Assert.NotNull(record);
        Assert.Equal((key, RecordState.InProgress, claim.Fence, One), (record.Key, record.State, record.Fence, record.Fingerprint));
        Assert.InRange(record.LeaseLeft, 18 * Second, 20 * Second);
        Assert.InRange(record.TimeToLive, Ttl - 12 * Second, Ttl - 10 * Second);
        await test.PassAsync(Lease);
        Assert.Equal(TimeSpan.Zero, (await test.Store.PeekAsync(key, TimeSpan.Zero))!.LeaseLeft);
        await test.Store.CompleteAsync(claim, null);
        Assert.Equal(RecordState.Tombstone, (await test.Store.PeekAsync(key, TimeSpan.Zero))!.State);
    }

    private static async Task PeekWaits(StoreUnderTest test)
    {
        var key = NewKey();
        var claim = await AcquireAsync(test, key);
        var waiting = test.Store.PeekAsync(key, 20 * Second).AsTask();
        Assert.False(waiting.IsCompleted);
        await test.Store.CompleteAsync(claim, Bytes("x"));
        Assert.Equal(RecordState.Completed, (await waiting.WaitAsync(10 * Second, TestContext.Current.CancellationToken))!.State);

        using var cancelled = new CancellationTokenSource();
        var other = NewKey();
        await AcquireAsync(test, other);
        var abandoned = test.Store.PeekAsync(other, 20 * Second, cancelled.Token).AsTask();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => abandoned);
    }

    private static async Task Resolve(StoreUnderTest test)
    {
        var done = NewKey();
        var claim = await AcquireAsync(test, done);
        Assert.Equal(FinishStatus.Fenced, await test.Store.ResolveAsync(done, claim.Fence, true, Bytes("x"), Ttl));
        await test.Store.ReleaseAsync(claim, outcomeUnknown: true);
        Assert.Equal(FinishStatus.Fenced, await test.Store.ResolveAsync(done, claim.Fence + 1, true, Bytes("x"), Ttl));
        Assert.Equal(FinishStatus.Done, await test.Store.ResolveAsync(done, claim.Fence, true, Bytes("found"), Ttl));
        Assert.Equal("found", Encoding.UTF8.GetString((await test.Store.ClaimAsync(Claim(done))).Result.Span));
        Assert.Equal(FinishStatus.Fenced, await test.Store.ResolveAsync(done, claim.Fence, false, null, Ttl));

        var notDone = NewKey();
        claim = await AcquireAsync(test, notDone);
        await test.Store.ReleaseAsync(claim, outcomeUnknown: true);
        Assert.Equal(FinishStatus.Done, await test.Store.ResolveAsync(notDone, claim.Fence, false, null, Ttl));
        Assert.True((await AcquireAsync(test, notDone)).Fence > claim.Fence);

        var noResult = NewKey();
        claim = await AcquireAsync(test, noResult);
        await test.Store.ReleaseAsync(claim, outcomeUnknown: true);
        Assert.Equal(FinishStatus.Done, await test.Store.ResolveAsync(noResult, claim.Fence, true, null, Ttl));
        Assert.Equal(ClaimStatus.Tombstone, await StatusAsync(test, noResult));

        Assert.Equal(FinishStatus.Lost, await test.Store.ResolveAsync(NewKey(), 1, true, null, Ttl));
    }

    private static async Task OwnerSettlesQuarantine(StoreUnderTest test)
    {
        var key = NewKey();
        var claim = await AcquireAsync(test, key);
        await test.PassAsync(Lease + Second);
        await test.Store.ClaimAsync(Claim(key, abandoned: AbandonedClaim.Quarantine));
        Assert.Equal(FinishStatus.Fenced, await test.Store.CompleteAsync(claim with { Request = claim.Request with { Owner = Guid.NewGuid() } }, Bytes("x")));
        Assert.Equal(FinishStatus.Done, await test.Store.CompleteAsync(claim, Bytes("x")));
        Assert.Equal(ClaimStatus.Completed, await StatusAsync(test, key));
    }

    private static async Task OwnerAfterResolution(StoreUnderTest test)
    {
        var key = NewKey();
        var claim = await AcquireAsync(test, key);
        await test.Store.ReleaseAsync(claim, outcomeUnknown: true);
        await test.Store.ResolveAsync(key, claim.Fence, happened: true, Bytes("resolved"), Ttl);
        Assert.Equal(FinishStatus.Fenced, await test.Store.CompleteAsync(claim, Bytes("late")));
        Assert.Equal("resolved", Encoding.UTF8.GetString((await test.Store.ClaimAsync(Claim(key))).Result.Span));
    }

    private static async Task Apart(StoreUnderTest test)
    {
        var name = Guid.NewGuid().ToString();
        var one = IdempotencyRecordKey.Internal("t", "u", "o", name);
        var two = IdempotencyRecordKey.Internal("t", "u", "o2", name);
        await test.Store.CompleteAsync(await AcquireAsync(test, one), Bytes("one"));
        Assert.Null(await test.Store.PeekAsync(two, TimeSpan.Zero));
        await AcquireAsync(test, two);
        Assert.Equal(ClaimStatus.Completed, await StatusAsync(test, one));
    }

    private static async Task CancelledClaim(StoreUnderTest test)
    {
        var key = NewKey();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await test.Store.ClaimAsync(Claim(key), new CancellationToken(canceled: true)));
        Assert.Null(await test.Store.PeekAsync(key, TimeSpan.Zero));
    }
}
