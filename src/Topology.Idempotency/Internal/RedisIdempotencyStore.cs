using System.Globalization;
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

    private readonly RedisDatabase _redis;
    private readonly RedisClaims _claims;
    private readonly TimeProvider _time;
    private readonly Func<double> _random;

    public RedisIdempotencyStore(Func<IConnectionMultiplexer> connection, IOptions<IdempotencyOptions> options, TimeProvider time, Func<double> random)
    {
        _redis = new RedisDatabase(connection, options, time);
        _claims = new RedisClaims(_redis, time);
        _time = time;
        _random = random;
    }

    public ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        cancellationToken.ThrowIfCancellationRequested();
        return _claims.ClaimAsync(request, cancellationToken);
    }

    public ValueTask<FinishStatus> CompleteAsync(IdempotencyClaim claim, ReadOnlyMemory<byte>? result, CancellationToken cancellationToken) =>
        FinishAsync(claim, result is null ? RecordHeader.Tombstone : RecordHeader.Completed, result, cancellationToken);

    public ValueTask<FinishStatus> ReleaseAsync(IdempotencyClaim claim, bool outcomeUnknown, CancellationToken cancellationToken) =>
        FinishAsync(claim, outcomeUnknown ? RecordHeader.Indeterminate : RecordHeader.Released, null, cancellationToken);

    public ValueTask<FinishStatus> RenewAsync(IdempotencyClaim claim, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(claim);
        var call = Scripts.Renew.On(_redis.NameOf(claim.Key));
        var owner = call.Rent(RecordHeader.OwnerLength);
        RecordHeader.WriteOwner(owner.Span, claim.Fence, claim.Owner);
        call.Arguments[0] = owner;
        call.Arguments[1] = claim.Lease.WholeMilliseconds();
        return WriteAsync(Scripts.Renew, call, cancellationToken);
    }

    public async ValueTask<SealResult> SealAsync(IdempotencyRecordKey key, TimeSpan ttl, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        cancellationToken.ThrowIfCancellationRequested();
        var call = Scripts.Seal.On(_redis.NameOf(key));
        call.Arguments[0] = ttl.WholeMilliseconds();
        var answer = await Scripts.Seal.AskAsync(_redis.Commands, call, static a => (RedisResult[])a!, cancellationToken).ConfigureAwait(false);
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
        var call = Scripts.Resolve.On(_redis.NameOf(key));
        call.Arguments[0] = fence.ToString("D16", CultureInfo.InvariantCulture);
        call.Arguments[1] = state.ToString();
        call.Arguments[2] = ttl.WholeMilliseconds();
        call.Arguments[3] = happened && result is { } bytes ? bytes : ReadOnlyMemory<byte>.Empty;
        return WriteAsync(Scripts.Resolve, call, cancellationToken);
    }

    private ValueTask<FinishStatus> FinishAsync(IdempotencyClaim claim, char state, ReadOnlyMemory<byte>? result, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(claim);

        // The whole record is put together here, where it costs less than in the one thread of the server.
        var call = Scripts.Finish.On(_redis.NameOf(claim.Key));
        var length = RecordHeader.Length + (result?.Length ?? 0);
        var bytes = call.Rent(length);
        var grace = Math.Max(0, (claim.Ttl - claim.Lease).WholeMilliseconds());
        RecordHeader.Write(bytes.Span, state, claim.Fence, claim.Owner, claim.Fingerprint, grace);
        result?.CopyTo(bytes[RecordHeader.Length..]);
        call.Arguments[0] = bytes.Slice(2, RecordHeader.OwnerLength);
        call.Arguments[1] = bytes;
        call.Arguments[2] = claim.Ttl.WholeMilliseconds();
        return WriteAsync(Scripts.Finish, call, cancellationToken);
    }

    private async ValueTask<IdempotencyRecord?> ReadAsync(IdempotencyRecordKey key, CancellationToken cancellationToken)
    {
        try
        {
            var name = _redis.NameOf(key);
            var reading = _redis.Commands.StringGetRangeAsync(name, 0, RecordHeader.Length - 1, CommandFlags.DemandMaster);
            var left = await _redis.Commands.KeyTimeToLiveAsync(name, CommandFlags.DemandMaster).WaitAsync(cancellationToken).ConfigureAwait(false);
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

    private ValueTask<FinishStatus> WriteAsync(Script script, ScriptCall call, CancellationToken cancellationToken) =>
        script.AskAsync(
            _redis.Commands,
            call,
            static answer => (int)answer switch
            {
                1 => FinishStatus.Done,
                0 => FinishStatus.Lost,
                _ => FinishStatus.Fenced,
            },
            cancellationToken);
}
