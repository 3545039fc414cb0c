using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Topology.Idempotency;

/// <summary>The SHA-256 of a request, kept beside its key so that the key cannot be used again for another request.</summary>
/// <remarks><see langword="default"/> is <see cref="None"/>: it matches every request. Immutable; safe for concurrent use.</remarks>
public readonly struct RequestFingerprint : IEquatable<RequestFingerprint>
{
    private readonly UInt128 _high;
    private readonly UInt128 _low;

    /// <summary>Takes a hash that was computed elsewhere.</summary>
    /// <param name="sha256">The 32 bytes of the hash.</param>
    /// <exception cref="ArgumentException">There are not 32 bytes.</exception>
    public RequestFingerprint(ReadOnlySpan<byte> sha256)
    {
        if (sha256.Length != SHA256.HashSizeInBytes)
            throw new ArgumentException("A fingerprint has 32 bytes.", nameof(sha256));
        _high = BinaryPrimitives.ReadUInt128BigEndian(sha256);
        _low = BinaryPrimitives.ReadUInt128BigEndian(sha256[16..]);
    }

    /// <summary>Gets the fingerprint that matches every request: nothing is compared.</summary>
    public static RequestFingerprint None => default;

    /// <summary>Computes the fingerprint of a request.</summary>
    /// <param name="request">The bytes of the request.</param>
    public static RequestFingerprint Compute(ReadOnlySpan<byte> request)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(request, hash);
        return new RequestFingerprint(hash);
    }

    /// <summary>Reads 64 hex digits.</summary>
    /// <param name="hex">The text.</param>
    /// <param name="fingerprint">The fingerprint.</param>
    public static bool TryParse(ReadOnlySpan<char> hex, out RequestFingerprint fingerprint)
    {
        fingerprint = default;
        Span<byte> bytes = stackalloc byte[SHA256.HashSizeInBytes];
        if (hex.Length != 64 || Convert.FromHexString(hex, bytes, out _, out _) != System.Buffers.OperationStatus.Done)
            return false;
        fingerprint = new RequestFingerprint(bytes);
        return true;
    }

    /// <summary>Gets whether a request with this fingerprint may use the record of one with the other.</summary>
    /// <param name="other">The other fingerprint.</param>
    public bool Matches(RequestFingerprint other) => this == other || this == None || other == None;

    /// <inheritdoc/>
    public bool Equals(RequestFingerprint other) => _high == other._high && _low == other._low;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is RequestFingerprint other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_high, _low);

    /// <summary>Compares two fingerprints.</summary>
    public static bool operator ==(RequestFingerprint left, RequestFingerprint right) => left.Equals(right);

    /// <summary>Compares two fingerprints.</summary>
    public static bool operator !=(RequestFingerprint left, RequestFingerprint right) => !left.Equals(right);

    internal void WriteHex(Span<byte> utf8)
    {
        Span<byte> bytes = stackalloc byte[SHA256.HashSizeInBytes];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, _high);
        BinaryPrimitives.WriteUInt128BigEndian(bytes[16..], _low);
        Convert.TryToHexStringLower(bytes, utf8, out _);
    }

    /// <summary>Gets 64 lower-case hex digits.</summary>
    public override string ToString() => string.Create(64, this, static (chars, self) =>
    {
        Span<byte> bytes = stackalloc byte[SHA256.HashSizeInBytes];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, self._high);
        BinaryPrimitives.WriteUInt128BigEndian(bytes[16..], self._low);
        Convert.TryToHexStringLower(bytes, chars, out _);
    });
}
