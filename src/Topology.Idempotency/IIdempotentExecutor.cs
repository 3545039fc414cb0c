using System.Text.Json.Serialization.Metadata;

namespace Topology.Idempotency;

/// <summary>Runs work under a key: message handlers, tool calls, saga steps, HTTP requests.</summary>
/// <remarks>
/// The lease is renewed while the work runs. An exception of the work reaches the caller after the record was released, or was left
/// to run out when the caller cancelled. Safe for concurrent use.
/// </remarks>
public interface IIdempotentExecutor
{
    /// <summary>Runs the work unless it was run before, and returns its result either way.</summary>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="key">The key.</param>
    /// <param name="fingerprint">The fingerprint of the request, or <see cref="RequestFingerprint.None"/>.</param>
    /// <param name="work">The work. Its token is cancelled when the caller cancels and when the lease is lost.</param>
    /// <param name="resultType">How the result is written and read.</param>
    /// <param name="policy">What differs from <see cref="IdempotencyOptions"/>.</param>
    /// <param name="cancellationToken">Cancels the wait and the work.</param>
    /// <exception cref="IdempotencyStoreException">The store is down and the work did not run.</exception>
    ValueTask<IdempotentOutcome<T>> ExecuteAsync<T>(
        IdempotencyRecordKey key,
        RequestFingerprint fingerprint,
        Func<IdempotencyContext, CancellationToken, ValueTask<T>> work,
        JsonTypeInfo<T> resultType,
        IdempotencyPolicy? policy = null,
        CancellationToken cancellationToken = default);

    /// <summary>As the other overload, for a result that already is bytes.</summary>
    /// <param name="key">The key.</param>
    /// <param name="fingerprint">The fingerprint of the request, or <see cref="RequestFingerprint.None"/>.</param>
    /// <param name="work">The work. Its token is cancelled when the caller cancels and when the lease is lost.</param>
    /// <param name="policy">What differs from <see cref="IdempotencyOptions"/>.</param>
    /// <param name="cancellationToken">Cancels the wait and the work.</param>
    /// <exception cref="IdempotencyStoreException">The store is down and the work did not run.</exception>
    ValueTask<IdempotentOutcome<StoredResult>> ExecuteAsync(
        IdempotencyRecordKey key,
        RequestFingerprint fingerprint,
        Func<IdempotencyContext, CancellationToken, ValueTask<StoredResult>> work,
        IdempotencyPolicy? policy = null,
        CancellationToken cancellationToken = default);

    /// <summary>Makes sure that the work of a key never runs from now on, or returns the result it had.</summary>
    /// <param name="key">The key.</param>
    /// <param name="ttl">How long the seal holds at least; <see langword="null"/> for <see cref="IdempotencyOptions.Ttl"/>.</param>
    /// <param name="cancellationToken">Cancels the wait for the answer, not the seal.</param>
    /// <exception cref="IdempotencyStoreException">The store is down; whether the key is sealed is not known.</exception>
    ValueTask<SealOutcome> SealAsync(IdempotencyRecordKey key, TimeSpan? ttl = null, CancellationToken cancellationToken = default);

    /// <summary>Settles a record whose outcome is unknown, on the word of an operator.</summary>
    /// <param name="key">The key.</param>
    /// <param name="fence">The fence of the record that was looked into; another fence is refused.</param>
    /// <param name="resolution">What was found out; not <see cref="Resolution.Unknown"/>.</param>
    /// <param name="ttl">How long the record lives from now at least; <see langword="null"/> for <see cref="IdempotencyOptions.Ttl"/>.</param>
    /// <param name="cancellationToken">Cancels the wait for the answer.</param>
    /// <exception cref="IdempotencyStoreException">The store is down.</exception>
    ValueTask<FinishStatus> ResolveAsync(
        IdempotencyRecordKey key, long fence, Resolution resolution, TimeSpan? ttl = null, CancellationToken cancellationToken = default);
}
