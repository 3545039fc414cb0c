using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Topology.Idempotency;

/// <summary>The SHA-256 of a request, kept beside its key so that the key cannot be used again for another request.</summary>
/// <remarks><see langword="default"/> is <see cref="None"/>: it matches every request. Immutable; safe for concurrent use.</remarks>
public readonly struct RequestFingerprint : IEquatable<RequestFingerprint>
{
    private readonly Bytes _bytes; // as numbers they would be aligned to 16, and each claim larger

    /// <summary>Takes a hash that was computed elsewhere.</summary>
    /// <param name="sha256">The 32 bytes of the hash.</param>
    /// <exception cref="ArgumentException">There are not 32 bytes.</exception>
    public RequestFingerprint(ReadOnlySpan<byte> sha256)
    {
        if (sha256.Length != SHA256.HashSizeInBytes)
            throw new ArgumentException("A fingerprint has 32 bytes.", nameof(sha256));
        sha256.CopyTo(_bytes);
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
    public bool Equals(RequestFingerprint other) => ((ReadOnlySpan<byte>)_bytes).SequenceEqual(other._bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is RequestFingerprint other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => BinaryPrimitives.ReadInt32LittleEndian(_bytes); // any bytes of a hash are spread well

    /// <summary>Compares two fingerprints.</summary>
    public static bool operator ==(RequestFingerprint left, RequestFingerprint right) => left.Equals(right);

    /// <summary>Compares two fingerprints.</summary>
    public static bool operator !=(RequestFingerprint left, RequestFingerprint right) => !left.Equals(right);

    internal void WriteHex(Span<byte> utf8) => Convert.TryToHexStringLower(_bytes, utf8, out _);

    /// <summary>Gets 64 lower-case hex digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(_bytes);

    [InlineArray(SHA256.HashSizeInBytes)]
    private struct Bytes
    {
        private byte _first;
    }
}
