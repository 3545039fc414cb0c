using Microsoft.Extensions.Options;
using Topology.Idempotency;
using Topology.Saga;

namespace Topology.Resilience.Internal;

/// <summary>Runs the effects of sagas under idempotency records, which every process of the platform sees.</summary>
/// <remarks>
/// A record lives as long as anything can start or retry its saga. A try that failed is released and not stored; one that is in progress
/// elsewhere is waited for, until it ends or its lease runs out.
/// </remarks>
internal sealed class SagaEffects(IIdempotentExecutor executor, IOptions<SagaOptions> options) : ISagaEffectGuard
{
    private readonly IdempotencyPolicy _policy = new()
    {
        Ttl = options.Value.TombstoneAge,
        WaitForResult = TimeSpan.FromMinutes(1),
        MaxResultBytes = int.MaxValue,
    };

    public TimeSpan? RecordLife => _policy.Ttl;

    public async ValueTask<SagaValue?> ExecuteAsync(SagaEffectKey key, Func<ValueTask<SagaValue?>> effect, CancellationToken cancellationToken)
    {
        SagaValue? result = null;
        var failed = false;
        while (true)
        {
            IdempotentOutcome<StoredResult> outcome;
            try
            {
                outcome = await executor.ExecuteAsync(
                    KeyOf(key),
                    RequestFingerprint.None,
                    async (context, _) =>
                    {
                        // Not again after a lost lease: then there is a result already, and it is only offered once more.
                        result ??= await effect().ConfigureAwait(false);
                        failed = result is null;
                        context.Disposition = failed ? ResultDisposition.Release : context.Disposition;
                        return failed ? throw new SagaException($"The effect {key} failed.") : new StoredResult { Body = result!.ToJson() };
                    },
                    _policy,
                    cancellationToken).ConfigureAwait(false);
            }
            catch (Exception) when (failed)
            {
                return null;
            }
            catch (IdempotencyStoreException error)
            {
                throw new SagaStoreException("The store of idempotency records cannot be reached or is full; the effect did not run.", error);
            }

            switch (outcome.Status)
            {
                case IdempotentStatus.Executed:
                    return result;
                case IdempotentStatus.Replayed:
                    return SagaValue.FromJson(outcome.Value!.Body);
                case IdempotentStatus.Sealed:
                    throw new SagaSealedException($"The effect {key} was sealed: its compensation has begun.");
                case IdempotentStatus.InProgress or IdempotentStatus.LeaseLost:
                    continue;
                default:
                    throw new SagaOutcomeUnknownException($"The record of the effect {key} ended as {outcome.Status}: whether it happened is not known.");
            }
        }
    }

    public async ValueTask<SagaValue?> SealAsync(SagaEffectKey key, CancellationToken cancellationToken)
    {
        try
        {
            var outcome = await executor.SealAsync(KeyOf(key), _policy.Ttl, cancellationToken).ConfigureAwait(false);
            return outcome is { Status: SealStatus.Completed, Result: { } result } ? SagaValue.FromJson(result.Body) : null;
        }
        catch (IdempotencyStoreException error)
        {
            throw new SagaStoreException("The store of idempotency records cannot be reached; whether the effect is sealed is not known.", error);
        }
    }

    private static IdempotencyRecordKey KeyOf(SagaEffectKey key) => RecordKeys.Of(
        key.Tenant,
        "saga",
        key.SagaId.Definition,
        string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"{Uri.EscapeDataString(key.SagaId.Value)}:{Uri.EscapeDataString(key.StepId)}:{(key.Undo ? "undo" : "do")}:{key.Round}"));
}
