using System.Buffers;
using System.Runtime.CompilerServices;
using StackExchange.Redis;

namespace Topology.Idempotency.Internal;

/// <summary>Claims a key: by one native command when nobody has it or its work is done, by a script when that depends on a lease.</summary>
internal sealed class RedisClaims(RedisDatabase redis, TimeProvider time)
{
    // One state machine for the whole of a first claim, which is on the way of every call.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken)
    {
        try
        {
            var name = redis.NameOf(request.Key);
            var sent = time.GetTimestamp();
            var now = await redis.NowAsync().ConfigureAwait(false);
            var mayCreate = request.Key.Time is not { } keyTime || KeyTimes.InTolerance(keyTime, now, request.TimestampTolerance);
            DateTimeOffset? ends = mayCreate && request.Key.Time is { } at ? KeyTimes.FirstClaimEnds(at, request.Ttl, request.TimestampTolerance) : null;

            byte[]? record;
            if (!mayCreate)
            {
                // A key that may not start work is looked up by a command that cannot write.
                record = await redis.Commands.StringGetAsync(name, CommandFlags.DemandMaster).WaitAsync(cancellationToken).ConfigureAwait(false);
                if (record is null)
                    return new ClaimResult { Status = ClaimStatus.OutOfTolerance };
            }
            else
            {
                var life = ends is { } end ? end - now : request.Ttl;
                var lease = request.Lease < life ? request.Lease : life;
                var fence = now.Ticks / TimeSpan.TicksPerMicrosecond - DateTimeOffset.UnixEpoch.Ticks / TimeSpan.TicksPerMicrosecond;
                var rented = ArrayPool<byte>.Shared.Rent(RecordHeader.Length);
                var header = rented.AsMemory(0, RecordHeader.Length);
                RecordHeader.Write(header.Span, RecordHeader.InProgress, fence, request.Owner, request.Fingerprint, (long)(life - lease).TotalMilliseconds);
                record = ends is null
                    ? (byte[]?)await redis.Commands.StringSetAndGetAsync(name, header, request.Ttl, keepTtl: false, When.NotExists)
                        .WaitAsync(cancellationToken).ConfigureAwait(false)
                    : (byte[]?)await redis.Commands.ExecuteAsync("SET", [name, header, "NX", "GET", "PXAT", ends.Value.ToUnixTimeMilliseconds()])
                        .WaitAsync(cancellationToken).ConfigureAwait(false);
                ArrayPool<byte>.Shared.Return(rented); // only when it was answered: a command that was given up may still be waiting to be written
                if (record is null && !IsLate(sent, lease))
                    return await AcquiredAsync(ClaimStatus.Acquired, request, fence, lease, ends).ConfigureAwait(false);
            }

            // A record that was just made but answered late is looked at again too: somebody may have taken it over.
            return record is not null && TryAnswer(request, record, out var answer)
                ? answer
                : await ContendAsync(request, name, mayCreate, ends, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (RedisFailure.Is(e))
        {
            throw RedisFailure.Wrap(e);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ClaimResult> ContendAsync(
        ClaimRequest request, RedisKey name, bool mayCreate, DateTimeOffset? ends, CancellationToken cancellationToken)
    {
        RedisResult[] answer;
        TimeSpan lease;
        long sent;
        do
        {
            var call = Scripts.Contend.On(name);
            call.Arguments[0] = request.Owner.ToString("N");
            call.Arguments[1] = request.Fingerprint.ToString();
            call.Arguments[2] = request.Lease.WholeMilliseconds();
            call.Arguments[3] = request.Ttl.WholeMilliseconds();
            call.Arguments[4] = request.OnAbandoned == AbandonedClaim.Quarantine ? "Q" : "T";
            call.Arguments[5] = mayCreate ? "1" : "0";
            call.Arguments[6] = ends?.ToUnixTimeMilliseconds() ?? 0;
            sent = time.GetTimestamp();
            answer = await Scripts.Contend.AskAsync(redis.Commands, call, static a => (RedisResult[])a!, cancellationToken).ConfigureAwait(false);
            lease = TimeSpan.FromMilliseconds((long)answer[2]);
        }
        while (((string?)answer[0])![0] is 'A' or 'O' && IsLate(sent, lease)); // the same claim again: its lease starts anew, if it is still ours

        var fence = (long)answer[1];
        return ((string?)answer[0])![0] switch
        {
            'A' => await AcquiredAsync(ClaimStatus.Acquired, request, fence, lease, ends).ConfigureAwait(false),
            'O' => await AcquiredAsync(ClaimStatus.TookOver, request, fence, lease, ends).ConfigureAwait(false),
            'N' => new ClaimResult { Status = ClaimStatus.OutOfTolerance },
            'M' => new ClaimResult { Status = ClaimStatus.Mismatch, Fence = fence },
            'P' => new ClaimResult { Status = ClaimStatus.InProgress, Fence = fence, RetryAfter = lease },
            var state => Settled(state, fence, (byte[])answer[3]!),
        };
    }

    // The answer may have been late by any time, a stopped process included: past the margin the record may be gone again already.
    private ValueTask<ClaimResult> AcquiredAsync(ClaimStatus status, ClaimRequest request, long fence, TimeSpan lease, DateTimeOffset? ends)
    {
        var claimed = new ClaimResult
        {
            Status = status,
            Fence = fence,
            Claim = new IdempotencyClaim(request, fence, lease),
        };
        return ends is { } end ? InTimeAsync(claimed, end) : new(claimed);
    }

    private async ValueTask<ClaimResult> InTimeAsync(ClaimResult claimed, DateTimeOffset end) =>
        await redis.NowAsync().ConfigureAwait(false) > end - KeyTimes.AnswerMargin ? new ClaimResult { Status = ClaimStatus.OutOfTolerance } : claimed;

    // Work starts with most of its lease ahead, so that there is time to renew it.
    private bool IsLate(long sent, TimeSpan lease) => time.GetElapsedTime(sent) >= lease / 3;

    /// <returns><see langword="false"/> when the answer depends on how much of the lease is left.</returns>
    private static bool TryAnswer(ClaimRequest request, byte[] record, out ClaimResult answer)
    {
        answer = new ClaimResult { Status = ClaimStatus.Corrupt };
        if (!RecordHeader.TryRead(record, out var header))
            return true;
        if (header.State != RecordHeader.Sealed && !header.Fingerprint.Matches(request.Fingerprint))
            answer = new ClaimResult { Status = ClaimStatus.Mismatch, Fence = header.Fence };
        else if (header.IsRunning || header.State == RecordHeader.Released)
            return false;
        else
            answer = Settled(header.State, header.Fence, record);
        return true;
    }

    private static ClaimResult Settled(char state, long fence, byte[] record) => state switch
    {
        RecordHeader.Completed => new() { Status = ClaimStatus.Completed, Fence = fence, Result = record.AsMemory(RecordHeader.Length) },
        RecordHeader.Tombstone => new() { Status = ClaimStatus.Tombstone, Fence = fence },
        RecordHeader.Indeterminate => new() { Status = ClaimStatus.Indeterminate, Fence = fence },
        RecordHeader.Sealed => new() { Status = ClaimStatus.Sealed, Fence = fence },
        _ => new() { Status = ClaimStatus.Corrupt },
    };
}
