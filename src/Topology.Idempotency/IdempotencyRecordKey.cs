using System.Buffers.Binary;
using Topology.Idempotency.Internal;

namespace Topology.Idempotency;

/// <summary>What a record is stored under, and the time that limits when it may start work.</summary>
/// <remarks>
/// Equal keys have an equal <see cref="Value"/>; the time is no part of the identity. Immutable; safe for concurrent use.
/// </remarks>
public sealed class IdempotencyRecordKey : IEquatable<IdempotencyRecordKey>
{
    private const int MaxClientKeyLength = 768;
    private const long NoTime = -1;

    private readonly long _utcTicks; // a nullable time takes three times the room, in every call

    internal IdempotencyRecordKey(string value, DateTimeOffset? time)
    {
        Value = value;
        _utcTicks = time?.UtcTicks ?? NoTime;
    }

    /// <summary>Gets the escaped text, without the store's <see cref="IdempotencyOptions.KeyPrefix"/>.</summary>
    /// <remarks>It names tenant and user: never log it.</remarks>
    public string Value { get; }

    /// <summary>
    /// Gets the time inside the key, or <see langword="null"/> for a key without one. A key with a time starts work only within
    /// <see cref="IdempotencyOptions.TimestampTolerance"/> of it.
    /// </summary>
    public DateTimeOffset? Time => _utcTicks == NoTime ? null : new DateTimeOffset(_utcTicks, TimeSpan.Zero);

    /// <summary>
    /// Makes the key for text a client sent. Its time is read from a visible <see cref="IdempotencyKey"/>, whose timestamp leaves
    /// the identity, or from a UUID version 7 (RFC 9562); other text has none.
    /// </summary>
    /// <param name="tenant">The tenant, known to the server.</param>
    /// <param name="user">The user, known to the server.</param>
    /// <param name="operation">The operation, known to the server.</param>
    /// <param name="clientKey">The client's key.</param>
    /// <exception cref="ArgumentException">A part is empty, too long, or holds half of a surrogate pair.</exception>
    public static IdempotencyRecordKey ForClientKey(string tenant, string user, string operation, string clientKey)
    {
        ArgumentException.ThrowIfNullOrEmpty(clientKey);
        DateTimeOffset? time = null;
        var identity = clientKey;
        if (IdempotencyKey.TryParse(clientKey, out var visible, out _))
        {
            time = visible.Timestamp;
            identity = clientKey[..clientKey.LastIndexOf(':')];
        }
        else if (Guid.TryParseExact(clientKey, "D", out var uuid) && uuid is { Version: 7, Variant: >= 8 and <= 0xB })
        {
            Span<byte> bytes = stackalloc byte[16];
            uuid.TryWriteBytes(bytes, bigEndian: true, out _);
            time = FromMilliseconds(BinaryPrimitives.ReadInt64BigEndian(bytes) >> 16 & 0xFFFF_FFFF_FFFF);
        }

        return new IdempotencyRecordKey(Compose(tenant, user, operation, identity), time);
    }

    /// <summary>
    /// Makes a key that the platform itself derives, such as the key of a saga step. It carries no time, so no tolerance applies; the
    /// caller chooses how long its record lives.
    /// </summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="user">The user, or the part of the platform that makes the key.</param>
    /// <param name="operation">The operation.</param>
    /// <param name="key">What tells this piece of work from all others of the operation.</param>
    /// <exception cref="ArgumentException">A part is empty, too long, or holds half of a surrogate pair.</exception>
    public static IdempotencyRecordKey Internal(string tenant, string user, string operation, string key) =>
        new(Compose(tenant, user, operation, key), null);

    /// <inheritdoc/>
    public bool Equals(IdempotencyRecordKey? other) => other is not null && string.Equals(Value, other.Value, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as IdempotencyRecordKey);

    /// <inheritdoc/>
    public override int GetHashCode() => string.GetHashCode(Value, StringComparison.Ordinal);

    /// <summary>Gets a digest that is safe to log: the first 8 bytes of the SHA-256 of <see cref="Value"/> in hex.</summary>
    public override string ToString() => KeyDigest.Of(Value);

    // The word "key" keeps a client key apart from a request hash in the same place: that form has one part less.
    private static string Compose(string tenant, string user, string operation, string key) =>
        KeyText.Compose(tenant, user, operation, ":key:", key, MaxClientKeyLength, nameof(key));

    // 48 bits of milliseconds reach beyond the year 9999; such a time is out of every tolerance anyway.
    private static DateTimeOffset FromMilliseconds(long milliseconds) =>
        DateTimeOffset.FromUnixTimeMilliseconds(Math.Min(milliseconds, DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()));
}
