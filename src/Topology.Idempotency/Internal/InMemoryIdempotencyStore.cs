using Microsoft.Extensions.Options;

namespace Topology.Idempotency.Internal;

/// <summary>The store of one process: one lock, records that expire by the given clock, waiters that are pushed.</summary>
internal sealed class InMemoryIdempotencyStore(IOptions<InMemoryIdempotencyStoreOptions> options, TimeProvider time) : IIdempotencyStore
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, InMemoryRecord> _records = new(StringComparer.Ordinal);
    private readonly PriorityQueue<(string Key, InMemoryRecord InMemoryRecord), DateTimeOffset> _expiry = new();
    private readonly long _maxBytes = options.Value.MaxBytes;
    private long _bytes;

    public ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
            return new ValueTask<ClaimResult>(Claim(request));
    }

    public ValueTask<FinishStatus> CompleteAsync(IdempotencyClaim claim, ReadOnlyMemory<byte>? result, CancellationToken cancellationToken) =>
        Finish(claim, result is null ? RecordState.Tombstone : RecordState.Completed, result);

    public ValueTask<FinishStatus> ReleaseAsync(IdempotencyClaim claim, bool outcomeUnknown, CancellationToken cancellationToken) =>
        Finish(claim, outcomeUnknown ? RecordState.Indeterminate : RecordState.Released, null);

    public ValueTask<FinishStatus> RenewAsync(IdempotencyClaim claim, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(claim);
        lock (_gate)
        {
            var now = time.GetUtcNow();
            if (Find(claim.Key, now) is not { } record)
                return new(FinishStatus.Lost);
            if (record.State != RecordState.InProgress || !record.IsOwnedBy(claim))
                return new(FinishStatus.Fenced);
            record.LeaseEnds = now + claim.Lease;
            LiveAtLeast(record, now + claim.Ttl);
            return new(FinishStatus.Done);
        }
    }

    public ValueTask<SealResult> SealAsync(IdempotencyRecordKey key, TimeSpan ttl, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            var now = time.GetUtcNow();
            var record = Find(key, now);
            switch (record?.State)
            {
                case RecordState.Completed:
                    return new(new SealResult(SealStatus.Completed, record.Result));
                case RecordState.Tombstone:
                    return new(new SealResult(SealStatus.Tombstone));
                case null:
                    record = Add(key, now + ttl);
                    break;
            }

            record!.Change(RecordState.Sealed);
            LiveAtLeast(record, now + ttl);
            return new(new SealResult(SealStatus.Sealed));
        }
    }

    public async ValueTask<IdempotencyRecord?> PeekAsync(IdempotencyRecordKey key, TimeSpan wait, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        Task settled;
        lock (_gate)
        {
            var now = time.GetUtcNow();
            if (Find(key, now) is not { } record)
                return null;
            var lease = record.LeaseEnds - now;
            if (record.State != RecordState.InProgress || wait <= TimeSpan.Zero || lease <= TimeSpan.Zero)
                return record.ToPublic(key, now);
            settled = record.Settled;
            wait = lease < wait ? lease : wait;
        }

        try
        {
            await settled.WaitAsync(wait, time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // The lease may have been renewed meanwhile: the caller looks at what it gets.
        }

        return await PeekAsync(key, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
    }

    public ValueTask<FinishStatus> ResolveAsync(
        IdempotencyRecordKey key, long fence, bool happened, ReadOnlyMemory<byte>? result, TimeSpan ttl, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        lock (_gate)
        {
            var now = time.GetUtcNow();
            if (Find(key, now) is not { } record)
                return new(FinishStatus.Lost);
            if (record.State != RecordState.Indeterminate || record.Fence != fence)
                return new(FinishStatus.Fenced);
            record.Owner = Guid.Empty; // the owner that caused this may still be running; what was found out stands
            Settle(key, record, !happened ? RecordState.Released : result is null ? RecordState.Tombstone : RecordState.Completed, happened ? result : null);
            LiveAtLeast(record, now + ttl);
            return new(FinishStatus.Done);
        }
    }

    private ClaimResult Claim(ClaimRequest request)
    {
        var now = time.GetUtcNow();
        DropExpired(now);
        var record = Find(request.Key, now);
        var tookOver = false;
        if (record is null)
        {
            var ends = now + request.Ttl;
            if (request.Key.Time is { } keyTime)
            {
                if (!KeyTimes.InTolerance(keyTime, now, request.TimestampTolerance))
                    return new ClaimResult { Status = ClaimStatus.OutOfTolerance };
                ends = KeyTimes.FirstClaimEnds(keyTime, request.Ttl, request.TimestampTolerance);
            }

            if (_bytes >= _maxBytes)
                throw new IdempotencyStoreException($"The in-memory store holds {_bytes} bytes, its limit; raise MaxBytes or use Redis.");
            record = Add(request.Key, ends);
        }
        else
        {
            switch (record.State)
            {
                case RecordState.Sealed:
                    return new ClaimResult { Status = ClaimStatus.Sealed, Fence = record.Fence };
                case var _ when !record.Fingerprint.Matches(request.Fingerprint):
                    return new ClaimResult { Status = ClaimStatus.Mismatch, Fence = record.Fence };
                case RecordState.Completed:
                    return new ClaimResult { Status = ClaimStatus.Completed, Fence = record.Fence, Result = record.Result };
                case RecordState.Tombstone:
                    return new ClaimResult { Status = ClaimStatus.Tombstone, Fence = record.Fence };
                case RecordState.Indeterminate:
                    return new ClaimResult { Status = ClaimStatus.Indeterminate, Fence = record.Fence };
                case RecordState.InProgress when record.Owner == request.Owner: // the same claim sent again: its lease starts anew
                    record.LeaseEnds = now + request.Lease;
                    LiveAtLeast(record, now + request.Ttl);
                    return Acquired(request, record, now);
                case RecordState.InProgress when record.LeaseEnds > now:
                    return new ClaimResult { Status = ClaimStatus.InProgress, Fence = record.Fence, RetryAfter = record.LeaseEnds - now };
                case RecordState.InProgress when request.OnAbandoned == AbandonedClaim.Quarantine:
                    Settle(request.Key, record, RecordState.Indeterminate, null);
                    return new ClaimResult { Status = ClaimStatus.Indeterminate, Fence = record.Fence };
                case RecordState.InProgress:
                    tookOver = true;
                    break;
            }

            record.Change(RecordState.InProgress);
            LiveAtLeast(record, now + request.Ttl);
        }

        record.Owner = request.Owner;
        record.TookOver = tookOver;
        record.Fence = Math.Max(now.UtcTicks / TimeSpan.TicksPerMicrosecond, record.Fence + 1);
        record.Fingerprint = request.Fingerprint;
        record.LeaseEnds = record.Ends < now + request.Lease ? record.Ends : now + request.Lease;
        return Acquired(request, record, now);
    }

    private static ClaimResult Acquired(ClaimRequest request, InMemoryRecord record, DateTimeOffset now) => new()
    {
        Status = record.TookOver ? ClaimStatus.TookOver : ClaimStatus.Acquired,
        Fence = record.Fence,
        Claim = new IdempotencyClaim(request, record.Fence, record.LeaseEnds - now),
    };

    private ValueTask<FinishStatus> Finish(IdempotencyClaim claim, RecordState state, ReadOnlyMemory<byte>? result)
    {
        ArgumentNullException.ThrowIfNull(claim);
        lock (_gate)
        {
            var now = time.GetUtcNow();
            if (Find(claim.Key, now) is not { } record)
                return new(FinishStatus.Lost);
            if (!record.IsOwnedBy(claim) || record.State == RecordState.Sealed)
                return new(FinishStatus.Fenced);
            if (record.State == state)
                return new(FinishStatus.Done);

            // An indeterminate record still takes the word of the owner that caused it: nobody else has run the work.
            if (record.State is not (RecordState.InProgress or RecordState.Indeterminate))
                return new(FinishStatus.Fenced);
            Settle(claim.Key, record, state, result);
            LiveAtLeast(record, now + claim.Ttl);
            return new(FinishStatus.Done);
        }
    }

    private void Settle(IdempotencyRecordKey key, InMemoryRecord record, RecordState state, ReadOnlyMemory<byte>? result)
    {
        _bytes -= record.Size(key.Value);
        record.Result = result is { } bytes ? bytes.ToArray() : default;
        _bytes += record.Size(key.Value);
        record.Change(state);
    }

    private InMemoryRecord Add(IdempotencyRecordKey key, DateTimeOffset ends)
    {
        var record = new InMemoryRecord { Ends = ends };
        _records.Add(key.Value, record);
        _expiry.Enqueue((key.Value, record), ends);
        _bytes += record.Size(key.Value);
        return record;
    }

    private InMemoryRecord? Find(IdempotencyRecordKey key, DateTimeOffset now) =>
        _records.TryGetValue(key.Value, out var record) && record.Ends > now ? record : Drop(key.Value, record);

    private InMemoryRecord? Drop(string key, InMemoryRecord? record)
    {
        if (record is not null && _records.Remove(key))
        {
            _bytes -= record.Size(key);
            record.Change(RecordState.Released);
        }

        return null;
    }

    private static void LiveAtLeast(InMemoryRecord record, DateTimeOffset ends)
    {
        if (ends > record.Ends)
            record.Ends = ends; // the queue still holds the old time; DropExpired moves it when that comes
    }

    private void DropExpired(DateTimeOffset now)
    {
        while (_expiry.TryPeek(out var entry, out var ends) && ends <= now)
        {
            _expiry.Dequeue();
            if (!_records.TryGetValue(entry.Key, out var record) || record != entry.InMemoryRecord)
                continue;
            if (record.Ends <= now)
                Drop(entry.Key, record);
            else
                _expiry.Enqueue(entry, record.Ends);
        }
    }
}
