using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Topology.Idempotency.Internal;

/// <summary>
/// One Redis string per key. A first claim and a replay are one native command each; whatever depends on what stands in the record is
/// one single-key script, so it also holds on Redis Cluster.
/// </summary>
internal sealed class RedisIdempotencyStore : IIdempotencyStore
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    private readonly Func<IConnectionMultiplexer> _connection;
    private readonly byte[] _prefix;
    private readonly TimeProvider _time;
    private readonly Func<double> _random;
    private readonly ServerClock _clock;
    private IDatabase? _database;

    public RedisIdempotencyStore(Func<IConnectionMultiplexer> connection, IOptions<IdempotencyOptions> options, TimeProvider time, Func<double> random)
    {
        _connection = connection;
        _prefix = Encoding.UTF8.GetBytes(options.Value.KeyPrefix); // as bytes it is prepended without a copy
        _time = time;
        _random = random;
        _clock = new ServerClock(time);
    }

    private IDatabase Database
    {
        get
        {
            if (_database is { } database)
                return database;
            IConnectionMultiplexer connection;
            try
            {
                connection = _connection();
            }
            catch (Exception e) when (RedisFailure.Is(e))
            {
                throw RedisFailure.Wrap(e);
            }

            connection.ConnectionRestored += (_, _) => _clock.Forget();
            connection.ConfigurationChanged += (_, _) => _clock.Forget();
            return _database = connection.GetDatabase();
        }
    }

    // One state machine for the whole of a first claim: this and Finish are on the way of every call.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            var name = NameOf(request.Key);
            var sent = _time.GetTimestamp();
            var now = await _clock.NowAsync(Database).ConfigureAwait(false);
            var mayCreate = request.Key.Time is not { } keyTime || KeyTimes.InTolerance(keyTime, now, request.TimestampTolerance);
            DateTimeOffset? ends = mayCreate && request.Key.Time is { } time ? KeyTimes.FirstClaimEnds(time, request.Ttl, request.TimestampTolerance) : null;

            byte[]? record;
            if (!mayCreate)
            {
                // A key that may not start work is looked up by a command that cannot write.
                record = await Database.StringGetAsync(name, CommandFlags.DemandMaster).WaitAsync(cancellationToken).ConfigureAwait(false);
                if (record is null)
                    return new ClaimResult { Status = ClaimStatus.OutOfTolerance };
            }
            else
            {
                var life = ends is { } end ? end - now : request.Ttl;
                var lease = request.Lease < life ? request.Lease : life;
                var fence = now.Ticks / TimeSpan.TicksPerMicrosecond - DateTimeOffset.UnixEpoch.Ticks / TimeSpan.TicksPerMicrosecond;
                var header = RecordHeader.Write(fence, request.Owner, request.Fingerprint, (long)(life - lease).TotalMilliseconds);
                record = ends is { } at
                    ? (byte[]?)await Database.ExecuteAsync("SET", [name, header, "NX", "GET", "PXAT", at.ToUnixTimeMilliseconds()])
                        .WaitAsync(cancellationToken).ConfigureAwait(false)
                    : (byte[]?)await Database.StringSetAndGetAsync(name, header, request.Ttl, keepTtl: false, When.NotExists)
                        .WaitAsync(cancellationToken).ConfigureAwait(false);
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

    public ValueTask<FinishStatus> CompleteAsync(IdempotencyClaim claim, ReadOnlyMemory<byte>? result, CancellationToken cancellationToken) =>
        FinishAsync(claim, result is null ? RecordHeader.Tombstone : RecordHeader.Completed, result, cancellationToken);

    public ValueTask<FinishStatus> ReleaseAsync(IdempotencyClaim claim, bool outcomeUnknown, CancellationToken cancellationToken) =>
        FinishAsync(claim, outcomeUnknown ? RecordHeader.Indeterminate : RecordHeader.Released, null, cancellationToken);

    public ValueTask<FinishStatus> RenewAsync(IdempotencyClaim claim, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(claim);
        return WriteAsync(Scripts.Renew, claim.Key, [RecordHeader.Owner(claim), Ms(claim.Lease)], cancellationToken);
    }

    public async ValueTask<SealResult> SealAsync(IdempotencyRecordKey key, TimeSpan ttl, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        cancellationToken.ThrowIfCancellationRequested();
        var answer = await Scripts.Seal.AskAsync(Database, NameOf(key), [Ms(ttl)], ToArray, cancellationToken).ConfigureAwait(false);
        return ((string?)answer[0])![0] switch
        {
            RecordHeader.Sealed => new SealResult(SealStatus.Sealed),
            RecordHeader.Completed => new SealResult(SealStatus.Completed, ((byte[])answer[1]!).AsMemory(RecordHeader.Length)),
            RecordHeader.Tombstone => new SealResult(SealStatus.Tombstone),
            _ => new SealResult(SealStatus.Corrupt),
        };
    }

    public async ValueTask<IdempotencyRecord?> PeekAsync(IdempotencyRecordKey key, TimeSpan wait, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        var started = _time.GetTimestamp();
        var pause = FirstPause;
        while (true)
        {
            var record = await ReadAsync(key, cancellationToken).ConfigureAwait(false);
            if (record is not { State: RecordState.InProgress } || record.LeaseLeft <= TimeSpan.Zero)
                return record;
            var left = wait - _time.GetElapsedTime(started);
            if (left <= TimeSpan.Zero)
                return record;

            // Waiters spread out: each pause is drawn from its upper half.
            var next = pause * (0.5 + 0.5 * _random());
            await Task.Delay(next < left ? next : left, _time, cancellationToken).ConfigureAwait(false);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    public ValueTask<FinishStatus> ResolveAsync(
        IdempotencyRecordKey key, long fence, bool happened, ReadOnlyMemory<byte>? result, TimeSpan ttl, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        var state = !happened ? RecordHeader.Released : result is null ? RecordHeader.Tombstone : RecordHeader.Completed;
        RedisValue[] arguments =
        [
            fence.ToString("D16", CultureInfo.InvariantCulture), StateName(state), Ms(ttl), happened && result is { } bytes ? bytes : ReadOnlyMemory<byte>.Empty,
        ];
        return WriteAsync(Scripts.Resolve, key, arguments, cancellationToken);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ClaimResult> ContendAsync(
        ClaimRequest request, RedisKey name, bool mayCreate, DateTimeOffset? ends, CancellationToken cancellationToken)
    {
        RedisValue[] arguments =
        [
            request.Owner.ToString("N"), request.Fingerprint.ToString(), Ms(request.Lease), Ms(request.Ttl),
            request.OnAbandoned == AbandonedClaim.Quarantine ? "Q" : "T", mayCreate ? "1" : "0", ends?.ToUnixTimeMilliseconds() ?? 0,
        ];
        RedisResult[] answer;
        TimeSpan lease;
        long sent;
        do
        {
            sent = _time.GetTimestamp();
            answer = await Scripts.Contend.AskAsync(Database, name, arguments, ToArray, cancellationToken).ConfigureAwait(false);
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
            RecordHeader.Completed => Completed(fence, (byte[])answer[3]!),
            RecordHeader.Tombstone => new ClaimResult { Status = ClaimStatus.Tombstone, Fence = fence },
            RecordHeader.Indeterminate => new ClaimResult { Status = ClaimStatus.Indeterminate, Fence = fence },
            RecordHeader.Sealed => new ClaimResult { Status = ClaimStatus.Sealed, Fence = fence },
            _ => new ClaimResult { Status = ClaimStatus.Corrupt },
        };
    }

    // The answer may have been late by any time, a stopped process included: past the margin the record may be gone again already.
    private ValueTask<ClaimResult> AcquiredAsync(ClaimStatus status, ClaimRequest request, long fence, TimeSpan lease, DateTimeOffset? ends)
    {
        var claimed = new ClaimResult { Status = status, Fence = fence, Claim = new IdempotencyClaim(request.Key, request.Owner, fence, lease, request.Ttl) };
        return ends is { } end ? InTimeAsync(claimed, end) : new(claimed);
    }

    private async ValueTask<ClaimResult> InTimeAsync(ClaimResult claimed, DateTimeOffset end) =>
        await _clock.NowAsync(Database).ConfigureAwait(false) > end - KeyTimes.AnswerMargin ? new ClaimResult { Status = ClaimStatus.OutOfTolerance } : claimed;

    // Work starts with most of its lease ahead, so that there is time to renew it.
    private bool IsLate(long sent, TimeSpan lease) => _time.GetElapsedTime(sent) >= lease / 3;

    /// <returns><see langword="false"/> when the answer depends on how much of the lease is left.</returns>
    private static bool TryAnswer(ClaimRequest request, byte[] record, out ClaimResult answer)
    {
        answer = new ClaimResult { Status = ClaimStatus.Corrupt };
        if (!RecordHeader.TryRead(record, out var header))
            return true;
        if (header.State == RecordHeader.Sealed)
            answer = new ClaimResult { Status = ClaimStatus.Sealed, Fence = header.Fence };
        else if (!header.Fingerprint.Matches(request.Fingerprint))
            answer = new ClaimResult { Status = ClaimStatus.Mismatch, Fence = header.Fence };
        else if (header.State == RecordHeader.Completed)
            answer = Completed(header.Fence, record);
        else if (header.State == RecordHeader.Tombstone)
            answer = new ClaimResult { Status = ClaimStatus.Tombstone, Fence = header.Fence };
        else if (header.State == RecordHeader.Indeterminate)
            answer = new ClaimResult { Status = ClaimStatus.Indeterminate, Fence = header.Fence };
        else
            return !header.IsRunning && header.State != RecordHeader.Released;
        return true;
    }

    private static ClaimResult Completed(long fence, byte[] record) =>
        new() { Status = ClaimStatus.Completed, Fence = fence, Result = record.AsMemory(RecordHeader.Length) };

    private ValueTask<FinishStatus> FinishAsync(IdempotencyClaim claim, char state, ReadOnlyMemory<byte>? result, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(claim);
        RedisValue[] arguments = [RecordHeader.Owner(claim), StateName(state), Ms(claim.Ttl), result ?? ReadOnlyMemory<byte>.Empty];
        return WriteAsync(Scripts.Finish, claim.Key, arguments, cancellationToken);
    }

    private async ValueTask<IdempotencyRecord?> ReadAsync(IdempotencyRecordKey key, CancellationToken cancellationToken)
    {
        try
        {
            var name = NameOf(key);
            var reading = Database.StringGetRangeAsync(name, 0, RecordHeader.Length - 1, CommandFlags.DemandMaster);
            var left = await Database.KeyTimeToLiveAsync(name, CommandFlags.DemandMaster).WaitAsync(cancellationToken).ConfigureAwait(false);
            var bytes = (byte[]?)await reading.WaitAsync(cancellationToken).ConfigureAwait(false) ?? [];
            if (bytes.Length == 0 || left is null)
                return null;
            if (!RecordHeader.TryRead(bytes, out var header))
                throw new IdempotencyException("The record cannot be read.");
            var lease = left.Value - TimeSpan.FromMilliseconds(header.GraceMs);
            return new IdempotencyRecord
            {
                Key = key,
                State = header.State switch
                {
                    RecordHeader.Completed => RecordState.Completed,
                    RecordHeader.Tombstone => RecordState.Tombstone,
                    RecordHeader.Released => RecordState.Released,
                    RecordHeader.Sealed => RecordState.Sealed,
                    RecordHeader.Indeterminate => RecordState.Indeterminate,
                    _ => RecordState.InProgress,
                },
                Fence = header.Fence,
                Fingerprint = header.Fingerprint,
                LeaseLeft = header.IsRunning && lease > TimeSpan.Zero ? lease : TimeSpan.Zero,
                TimeToLive = left.Value,
            };
        }
        catch (Exception e) when (RedisFailure.Is(e))
        {
            throw RedisFailure.Wrap(e);
        }
    }

    private ValueTask<FinishStatus> WriteAsync(Script script, IdempotencyRecordKey key, RedisValue[] arguments, CancellationToken cancellationToken) =>
        script.AskAsync(
            Database,
            NameOf(key),
            arguments,
            static answer => (int)answer switch
            {
                1 => FinishStatus.Done,
                0 => FinishStatus.Lost,
                _ => FinishStatus.Fenced,
            },
            cancellationToken);

    private RedisKey NameOf(IdempotencyRecordKey key) => new RedisKey(key.Value).Prepend(_prefix);

    private static string StateName(char state) => state switch
    {
        RecordHeader.Completed => "C",
        RecordHeader.Tombstone => "T",
        RecordHeader.Released => "R",
        _ => "Q",
    };

    private static long Ms(TimeSpan span) => (long)Math.Ceiling(span.TotalMilliseconds);

    private static RedisResult[] ToArray(RedisResult answer) => (RedisResult[])answer!;
}
