using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Topology.Idempotency.Internal;

internal sealed class IdempotentExecutor(
    IIdempotencyStore store,
    IOptions<IdempotencyOptions> options,
    ResultFormat format,
    TimeProvider time,
    IdempotencyMetrics metrics,
    ILogger<IdempotentExecutor> logger) : IIdempotentExecutor
{
    private readonly IdempotencyOptions _options = options.Value;
    private readonly LeaseRenewals _leases = new(store, time, logger);
    private readonly ClaimFinisher _finisher = new(store, format, time, metrics, logger);

    public async ValueTask<IdempotentOutcome<T>> ExecuteAsync<T>(
        IdempotencyRecordKey key,
        RequestFingerprint fingerprint,
        Func<IdempotencyContext, CancellationToken, ValueTask<T>> work,
        JsonTypeInfo<T> resultType,
        IdempotencyPolicy? policy = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(work);
        ArgumentNullException.ThrowIfNull(resultType);
        T? value = default;
        var outcome = await ExecuteAsync(
            key,
            fingerprint,
            async (context, token) =>
            {
                value = await work(context, token).ConfigureAwait(false);
                return new StoredResult { Body = JsonSerializer.SerializeToUtf8Bytes(value, resultType) };
            },
            policy,
            cancellationToken).ConfigureAwait(false);

        var status = outcome.Status;
        if (status == IdempotentStatus.Replayed)
        {
            try
            {
                value = JsonSerializer.Deserialize(outcome.Value!.Body.Span, resultType);
            }
            catch (JsonException)
            {
                Log.Corrupt(logger, key);
                status = IdempotentStatus.Corrupt;
            }
        }

        return new IdempotentOutcome<T>
        {
            Status = status,
            Value = value,
            Fence = outcome.Fence,
            RetryAfter = outcome.RetryAfter,
            IsSettled = outcome.IsSettled,
        };
    }

    // Claim and work in one state machine: one for the work alone begins on another thread than it ended on before, where none is kept for it.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<IdempotentOutcome<StoredResult>> ExecuteAsync(
        IdempotencyRecordKey key,
        RequestFingerprint fingerprint,
        Func<IdempotencyContext, CancellationToken, ValueTask<StoredResult>> work,
        IdempotencyPolicy? policy = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(work);
        policy ??= IdempotencyPolicy.Default;
        var request = Request(key, fingerprint, policy);
        var started = time.GetTimestamp();
        var again = false;
        ClaimResult answer;
        long sent;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            sent = time.GetTimestamp();
            try
            {
                answer = await store.ClaimAsync(request, cancellationToken).ConfigureAwait(false);
                again = false;
            }
            catch (IdempotencyStoreException) when (!again)
            {
                again = true; // the same claim sent again is the same claim: an answer lost with its connection is asked for once more
                continue;
            }
            catch (IdempotencyStoreException e) when (policy.RunWhenStoreIsDown)
            {
                Log.RunsUnprotected(logger, request.Key, e);
                var unkept = await work(new IdempotencyContext(0, tookOver: false, CancellationToken.None), cancellationToken).ConfigureAwait(false);
                return Counted(new IdempotentOutcome<StoredResult> { Status = IdempotentStatus.Executed, Value = unkept });
            }

            metrics.Claimed(time.GetElapsedTime(sent));
            if (answer.Status is ClaimStatus.Acquired or ClaimStatus.TookOver)
                break;
            switch (answer.Status)
            {
                case ClaimStatus.Completed:
                    if (!format.TryDecode(request.Key, answer.Result, out var stored))
                    {
                        Log.Corrupt(logger, request.Key);
                        return Ended(IdempotentStatus.Corrupt);
                    }

                    metrics.Hit();
                    return Counted(new IdempotentOutcome<StoredResult> { Status = IdempotentStatus.Replayed, Value = stored });

                case ClaimStatus.InProgress:
                    var left = policy.WaitForResult - time.GetElapsedTime(started);
                    if (left <= TimeSpan.Zero)
                        return Counted(new IdempotentOutcome<StoredResult> { Status = IdempotentStatus.InProgress, RetryAfter = answer.RetryAfter });
                    await store.PeekAsync(request.Key, left, cancellationToken).ConfigureAwait(false);
                    continue;

                case ClaimStatus.Indeterminate when policy.Reconcile is not null
                    && await ReconcileAsync(request, policy.Reconcile, cancellationToken).ConfigureAwait(false):
                    continue;

                case ClaimStatus.Corrupt:
                    Log.Corrupt(logger, request.Key);
                    return Ended(IdempotentStatus.Corrupt);

                default:
                    return Ended(answer.Status switch
                    {
                        ClaimStatus.Tombstone => IdempotentStatus.ResultNotKept,
                        ClaimStatus.Mismatch => IdempotentStatus.Mismatch,
                        ClaimStatus.Sealed => IdempotentStatus.Sealed,
                        ClaimStatus.OutOfTolerance => IdempotentStatus.OutOfTolerance,
                        _ => IdempotentStatus.Indeterminate,
                    });
            }
        }

        var claim = answer.Claim!;
        var tookOver = answer.Status == ClaimStatus.TookOver;
        if (tookOver)
        {
            metrics.TookOver();
            Log.TookOver(logger, claim.Key);
        }

        StoredResult result;
        ResultDisposition disposition;
        var lease = _leases.Keep(claim, heldFrom: sent);
        await using (lease.ConfigureAwait(false))
        {
            using var linked = cancellationToken.CanBeCanceled
                ? CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lease.Token)
                : null;
            var context = new IdempotencyContext(claim.Fence, tookOver, lease.Token);
            try
            {
                result = await work(context, linked?.Token ?? lease.Token).ConfigureAwait(false);
                disposition = context.Disposition ?? ResultDisposition.Store;
            }
            catch (Exception e)
            {
                var isCancelled = e is OperationCanceledException && (cancellationToken.IsCancellationRequested || lease.Token.IsCancellationRequested);
                await AbandonAsync(claim, context, policy, isCancelled).ConfigureAwait(false);
                throw;
            }
        }

        var status = await _finisher.FinishAsync(claim, disposition, result, policy).ConfigureAwait(false);
        return Counted(new IdempotentOutcome<StoredResult>
        {
            Status = status is FinishStatus.Fenced or FinishStatus.Lost ? IdempotentStatus.LeaseLost : IdempotentStatus.Executed,
            Value = result,
            Fence = claim.Fence,
            IsSettled = status == FinishStatus.Done,
        });
    }

    public async ValueTask<SealOutcome> SealAsync(IdempotencyRecordKey key, TimeSpan? ttl, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        var answer = await store.SealAsync(key, ttl ?? _options.Ttl, cancellationToken).ConfigureAwait(false);
        var outcome = new SealOutcome(answer.Status);
        if (answer.Status == SealStatus.Completed)
        {
            outcome = format.TryDecode(key, answer.Result, out var result)
                ? new SealOutcome(SealStatus.Completed, result)
                : new SealOutcome(SealStatus.Corrupt);
        }

        if (outcome.Status == SealStatus.Corrupt)
            Log.Corrupt(logger, key);
        metrics.Seal(outcome.Status);
        return outcome;
    }

    public async ValueTask<FinishStatus> ResolveAsync(
        IdempotencyRecordKey key, long fence, Resolution resolution, TimeSpan? ttl, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(resolution);
        if (resolution.IsUnknown)
            throw new ArgumentException("An unknown outcome settles nothing.", nameof(resolution));
        ReadOnlyMemory<byte>? result = resolution.Result is null ? null : format.Encode(key, resolution.Result);
        return await store.ResolveAsync(key, fence, resolution.Happened, result, ttl ?? _options.Ttl, cancellationToken).ConfigureAwait(false);
    }

    private ClaimRequest Request(IdempotencyRecordKey key, RequestFingerprint fingerprint, IdempotencyPolicy policy)
    {
        var ttl = policy.Ttl ?? _options.Ttl;
        var lease = policy.Lease ?? _options.Lease;
        if (lease <= TimeSpan.Zero || lease >= ttl)
            throw new ArgumentException($"The lease is {lease}; it must be above zero and below the ttl ({ttl}).", nameof(policy));
        if (key.Time is not null && ttl < KeyTimes.ShortestTtl(_options.TimestampTolerance))
            throw new ArgumentException(
                $"The ttl is {ttl}; for a key that carries a time it must be {KeyTimes.ShortestTtl(_options.TimestampTolerance)} or more.", nameof(policy));
        return new ClaimRequest
        {
            Key = key,
            Fingerprint = _options.ValidateRequestHash ? fingerprint : RequestFingerprint.None,
            Owner = Guid.NewGuid(),
            Lease = lease,
            Ttl = ttl,
            TimestampTolerance = _options.TimestampTolerance,
            OnAbandoned = policy.OnAbandoned,
        };
    }

    /// <returns>Whether the record is settled, by this answer or by somebody else meanwhile.</returns>
    private async ValueTask<bool> ReconcileAsync(
        ClaimRequest request,
        Func<IdempotencyRecord, CancellationToken, ValueTask<Resolution>> reconcile,
        CancellationToken cancellationToken)
    {
        var record = await store.PeekAsync(request.Key, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
        if (record is not { State: RecordState.Indeterminate })
            return true;
        var resolution = await reconcile(record, cancellationToken).ConfigureAwait(false);
        if (resolution.IsUnknown)
            return false;
        await ResolveAsync(request.Key, record.Fence, resolution, request.Ttl, cancellationToken).ConfigureAwait(false);
        return true;
    }

    private ValueTask<FinishStatus?> AbandonAsync(IdempotencyClaim claim, IdempotencyContext context, IdempotencyPolicy policy, bool isCancelled)
    {
        var isUnknown = isCancelled || policy.OnAbandoned == AbandonedClaim.Quarantine;
        return _finisher.FinishAsync(claim, context.Disposition ?? (isUnknown ? ResultDisposition.Unknown : ResultDisposition.Release), null, policy);
    }

    private IdempotentOutcome<StoredResult> Ended(IdempotentStatus status) => Counted(new IdempotentOutcome<StoredResult> { Status = status });

    private IdempotentOutcome<StoredResult> Counted(IdempotentOutcome<StoredResult> outcome)
    {
        metrics.Outcome(outcome.Status);
        return outcome;
    }
}
