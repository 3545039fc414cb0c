using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace Topology.Idempotency.Internal;

/// <summary>Brings the record of a claim up to date after its work, and waits a while for a store that is away.</summary>
internal sealed class ClaimFinisher(IIdempotencyStore store, ResultFormat format, TimeProvider time, IdempotencyMetrics metrics, ILogger logger)
{
    // How long a result that is already there waits for a store that is away, before its caller gets it all the same.
    private static readonly TimeSpan FinishLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FinishPause = TimeSpan.FromMilliseconds(50);

    /// <returns><see langword="null"/> when the record was left as it is or the store is away.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<FinishStatus?> FinishAsync(
        IdempotencyClaim claim, ResultDisposition disposition, StoredResult? result, IdempotencyPolicy policy)
    {
        ReadOnlyMemory<byte>? bytes = null;
        if (disposition == ResultDisposition.Store && result is not null)
        {
            bytes = format.Encode(claim.Key, result);
            if (bytes.Value.Length > policy.MaxResultBytes)
            {
                Log.ResultTooLarge(logger, claim.Key, bytes.Value.Length, policy.MaxResultBytes);
                bytes = null;
            }
        }

        if (disposition == ResultDisposition.Unknown && policy.OnAbandoned == AbandonedClaim.TakeOver)
            return null;

        // The work has run: its record is worth the wait, whatever the caller's token says.
        var started = time.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var status = disposition is ResultDisposition.Release or ResultDisposition.Unknown
                    ? await store.ReleaseAsync(claim, outcomeUnknown: disposition == ResultDisposition.Unknown, CancellationToken.None).ConfigureAwait(false)
                    : await store.CompleteAsync(claim, bytes, CancellationToken.None).ConfigureAwait(false);
                if (bytes is { } sent && attempt == 1)
                    ResultFormat.Return(sent); // an earlier attempt that was given up may still be reading it
                if (status != FinishStatus.Done)
                {
                    metrics.Fenced();
                    Log.Refused(logger, claim.Key, status);
                }

                return status;
            }
            catch (IdempotencyStoreException) when (attempt == 1 || time.GetElapsedTime(started) < FinishLimit)
            {
                // The same end sent again is accepted, so a lost answer costs nothing but the pause. Once it is sent again however long the
                // first try took: a client may need all of that time to say that no answer came. The pause takes no token: the work has run,
                // a caller that gives up now would leave its record to be run again, and FinishLimit bounds the wait.
                if (attempt > 1)
                    await Task.Delay(FinishPause, time).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                Log.NotSettled(logger, claim.Key, e);
                return null;
            }
        }
    }
}
