using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;

namespace Topology.Idempotency.Internal;

/// <summary>
/// Turns results into what a store keeps and back. Encrypted: version 2, length and text of the key id, nonce (12), tag (16), then the
/// encrypted form of <see cref="StoredResultCodec"/>; the record's key and the key id are authenticated with it.
/// </summary>
internal sealed class ResultFormat(IOptions<IdempotencyOptions> options, IOptions<IdempotencyEncryptionOptions> encryption)
{
    private const byte EncryptedVersion = 2;
    private const int NonceLength = 12;
    private const int TagLength = 16;

    private readonly bool _verifyHash = options.Value.ValidateResponseHash;
    private readonly IdempotencyEncryptionOptions _encryption = encryption.Value;

    /// <summary>Writes a result into an array of the shared pool; <see cref="Return"/> gives it back.</summary>
    public ReadOnlyMemory<byte> Encode(IdempotencyRecordKey key, StoredResult result)
    {
        var length = StoredResultCodec.LengthOf(result);
        var plain = ArrayPool<byte>.Shared.Rent(length);
        StoredResultCodec.Write(result, plain.AsSpan(0, length));
        if (_encryption.CurrentKeyId is not { } id)
            return plain.AsMemory(0, length);

        var start = 2 + id.Length;
        var total = start + NonceLength + TagLength + length;
        var rented = ArrayPool<byte>.Shared.Rent(total);
        var bytes = rented.AsSpan(0, total);
        bytes[0] = EncryptedVersion;
        bytes[1] = (byte)id.Length;
        Encoding.ASCII.GetBytes(id, bytes[2..]);
        var nonce = bytes.Slice(start, NonceLength);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(_encryption.Keys[id], TagLength);
        aes.Encrypt(
            nonce, plain.AsSpan(0, length), bytes[(start + NonceLength + TagLength)..], bytes.Slice(start + NonceLength, TagLength), Bound(key, bytes[..start]));
        ArrayPool<byte>.Shared.Return(plain, clearArray: true);
        return rented.AsMemory(0, total);
    }

    /// <summary>Gives back what <see cref="Encode"/> rented, once no store can be reading it any more.</summary>
    public static void Return(ReadOnlyMemory<byte> encoded)
    {
        if (MemoryMarshal.TryGetArray(encoded, out var segment))
            ArrayPool<byte>.Shared.Return(segment.Array!);
    }

    public bool TryDecode(IdempotencyRecordKey key, ReadOnlyMemory<byte> stored, [NotNullWhen(true)] out StoredResult? result)
    {
        result = null;
        var bytes = stored.Span;
        if (bytes.Length == 0 || bytes[0] != EncryptedVersion)
            return (_encryption.CurrentKeyId is null || _encryption.ReadUnencrypted) && StoredResultCodec.TryDecode(stored, _verifyHash, out result);

        var start = bytes.Length > 1 ? 2 + bytes[1] : int.MaxValue;
        if (bytes.Length - NonceLength - TagLength < start || !_encryption.Keys.TryGetValue(Encoding.ASCII.GetString(bytes[2..start]), out var secret))
            return false;
        var plain = new byte[bytes.Length - start - NonceLength - TagLength];
        using var aes = new AesGcm(secret, TagLength);
        try
        {
            aes.Decrypt(
                bytes.Slice(start, NonceLength),
                bytes[(start + NonceLength + TagLength)..],
                bytes.Slice(start + NonceLength, TagLength),
                plain,
                Bound(key, bytes[..start]));
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }

        return StoredResultCodec.TryDecode(plain, _verifyHash, out result);
    }

    private static byte[] Bound(IdempotencyRecordKey key, ReadOnlySpan<byte> head) => [.. head, .. Encoding.UTF8.GetBytes(key.Value)];
}
