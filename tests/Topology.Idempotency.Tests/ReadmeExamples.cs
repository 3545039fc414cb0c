using Microsoft.Extensions.DependencyInjection;

namespace Topology.Idempotency.Tests;

/// <summary>The code of the package's README and page.</summary>
internal sealed class ReadmeExamples(IIdempotentExecutor executor)
{
    public static void Register(IServiceCollection services)
    {
        #region register
        services.AddTopologyIdempotency(options => options.Ttl = TimeSpan.FromHours(24));
        services.AddInMemoryIdempotencyStore(); // or, with a registered IConnectionMultiplexer: AddRedisIdempotencyStore()
        #endregion
    }

    #region execute
    public async Task<Receipt?> HandleAsync(PayOrder message, CancellationToken cancellationToken)
    {
        var key = IdempotencyKey.Generate(message.Tenant, message.User, "order.pay", message.Hash, message.FirstSentAt);

        var outcome = await executor.ExecuteAsync(
            key.ToRecordKey(),
            RequestFingerprint.None, // the request's hash is part of this key
            async (context, token) => await PayAsync(message, context.Fence, token),
            TestJson.Default.Receipt,
            cancellationToken: cancellationToken);

        return outcome.Status switch
        {
            IdempotentStatus.Executed or IdempotentStatus.Replayed => outcome.Value,
            IdempotentStatus.InProgress => throw new TryAgainException(outcome.RetryAfter),
            _ => null,
        };
    }
    #endregion

    #region quarantine
    private readonly IdempotencyPolicy _atMostOnce = new()
    {
        OnAbandoned = AbandonedClaim.Quarantine,
        Reconcile = async (record, token) => await FindPaymentAsync(record.Fence, token) is { } receipt
            ? Resolution.Done(new StoredResult { Body = receipt })
            : Resolution.NotDone,
    };
    #endregion

    public IdempotencyPolicy AtMostOnce => _atMostOnce;

    public static void Encrypt(IServiceCollection services, byte[] key)
    {
        #region encrypt
        services.AddIdempotencyEncryption(options =>
        {
            options.CurrentKeyId = "2026-11";
            options.Keys["2026-11"] = key; // 32 bytes
        });
        #endregion
    }

    private static Task<Receipt> PayAsync(PayOrder message, long fence, CancellationToken token) =>
        Task.FromResult(new Receipt($"{message.Hash}-{fence}", token.IsCancellationRequested ? 0 : 1));

    private static Task<byte[]?> FindPaymentAsync(long fence, CancellationToken token) =>
        Task.FromResult(fence > 0 && !token.IsCancellationRequested ? Array.Empty<byte>() : null);

    internal sealed record PayOrder(string Tenant, string User, string Hash, DateTimeOffset FirstSentAt);

    private sealed class TryAgainException(TimeSpan after) : Exception($"again in {after}");
}
