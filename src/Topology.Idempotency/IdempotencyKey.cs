using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Topology.Idempotency.Internal;

namespace Topology.Idempotency;

/// <summary>
/// The visible idempotency key: <c>idempotency:{tenant}:{user}:{operation}:{request_hash}:{timestamp}</c>, timestamp in whole
/// seconds since 1970-01-01 UTC.
/// </summary>
/// <remarks>
/// Parts are written as they are when they hold visible ASCII without <c>: % { }</c>, and percent-encoded as UTF-8 otherwise, so
/// two different keys never share a text. The record a key is stored under leaves the timestamp out, see
/// <see cref="ToRecordKey"/>. Immutable; safe for concurrent use.
/// </remarks>
public sealed record IdempotencyKey
{
    /// <summary>The most characters an escaped part may have.</summary>
    public const int MaxPartLength = 256;

    /// <summary>The word every visible key starts with, its separator included.</summary>
    public const string Prefix = "idempotency:";

    private const long LastSecond = 253402300799; // 9999-12-31T23:59:59Z, the end of DateTimeOffset
    private readonly string _escaped;

    private IdempotencyKey(string tenant, string user, string operation, string requestHash, long seconds, string escaped)
    {
        Tenant = tenant;
        User = user;
        Operation = operation;
        RequestHash = requestHash;
        Timestamp = DateTimeOffset.FromUnixTimeSeconds(seconds);
        _escaped = escaped;
    }

    /// <summary>Gets the tenant.</summary>
    public string Tenant { get; }

    /// <summary>Gets the user within the tenant.</summary>
    public string User { get; }

    /// <summary>Gets the operation, such as <c>order.create</c>.</summary>
    public string Operation { get; }

    /// <summary>Gets the hash of the request; 64 hex digits when it comes from a <see cref="RequestFingerprint"/>.</summary>
    public string RequestHash { get; }

    /// <summary>Gets when the first attempt was made, in whole seconds.</summary>
    public DateTimeOffset Timestamp { get; }

    /// <summary>Makes the key of a request; a retry passes the time of its first attempt.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="user">The user.</param>
    /// <param name="operation">The operation.</param>
    /// <param name="requestHash">The hash of the request.</param>
    /// <param name="timestamp">The time of the first attempt; fractions of a second are cut off.</param>
    /// <exception cref="ArgumentException">A part is empty, too long, or holds half of a surrogate pair.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The time is before 1970.</exception>
    public static IdempotencyKey Generate(string tenant, string user, string operation, string requestHash, DateTimeOffset timestamp)
    {
        var seconds = timestamp.ToUnixTimeSeconds();
        ArgumentOutOfRangeException.ThrowIfNegative(seconds, nameof(timestamp));
        var escaped = KeyText.Compose(tenant, user, operation, ":", requestHash, MaxPartLength, nameof(requestHash));
        return new IdempotencyKey(tenant, user, operation, requestHash, seconds, escaped);
    }

    /// <summary>Reads a key.</summary>
    /// <param name="text">The visible form.</param>
    /// <exception cref="FormatException">The text is not a key; the message says why.</exception>
    public static IdempotencyKey Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out var key, out var error) ? key : throw new FormatException($"Invalid idempotency key format: {error}.");

    /// <summary>Reads a key without throwing.</summary>
    /// <param name="text">The visible form.</param>
    /// <param name="key">The key, or <see langword="null"/>.</param>
    /// <param name="error">Why the text is not a key.</param>
    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out IdempotencyKey? key, out IdempotencyKeyError error)
    {
        key = null;
        error = IdempotencyKeyError.WrongPrefix;
        if (!text.StartsWith(Prefix, StringComparison.Ordinal))
            return false;
        text = text[Prefix.Length..];

        Span<Range> parts = stackalloc Range[6];
        error = IdempotencyKeyError.WrongPartCount;
        if (text.Split(parts, ':') != 5)
            return false;

        error = KeyText.TryUnescape(text[parts[0]], MaxPartLength, out var tenant);
        if (error != IdempotencyKeyError.None)
            return false;
        error = KeyText.TryUnescape(text[parts[1]], MaxPartLength, out var user);
        if (error != IdempotencyKeyError.None)
            return false;
        error = KeyText.TryUnescape(text[parts[2]], MaxPartLength, out var operation);
        if (error != IdempotencyKeyError.None)
            return false;
        error = KeyText.TryUnescape(text[parts[3]], MaxPartLength, out var hash);
        if (error != IdempotencyKeyError.None)
            return false;

        var digits = text[parts[4]];
        error = IdempotencyKeyError.BadTimestamp;
        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            || seconds > LastSecond || (digits[0] == '0' && digits.Length > 1))
            return false;

        error = IdempotencyKeyError.None;
        key = new IdempotencyKey(tenant, user, operation, hash, seconds, text[..parts[3].End].ToString());
        return true;
    }

    /// <summary>Gets the key of the record: this key without its timestamp, which stays with it as the time that limits it.</summary>
    public IdempotencyRecordKey ToRecordKey() => new(_escaped, Timestamp);

    /// <summary>Gets the visible form.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Prefix}{_escaped}:{Timestamp.ToUnixTimeSeconds()}");
}
