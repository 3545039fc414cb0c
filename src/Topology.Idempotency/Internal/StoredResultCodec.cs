using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Topology.Idempotency.Internal;

/// <summary>
/// The stored form of a result: one version byte, the SHA-256 of the rest, then status, headers and body, each length first so that
/// no two results share bytes. All numbers are 32-bit little-endian.
/// </summary>
internal static class StoredResultCodec
{
    private const byte Version = 1;
    private const int FrameStart = 1 + SHA256.HashSizeInBytes;

    public static int LengthOf(StoredResult result)
    {
        var length = FrameStart + 12 + result.Body.Length;
        for (var i = 0; i < result.Headers.Count; i++)
            length += 8 + Encoding.UTF8.GetByteCount(result.Headers[i].Key) + Encoding.UTF8.GetByteCount(result.Headers[i].Value);
        return length;
    }

    /// <summary>Writes a result; <paramref name="bytes"/> has its <see cref="LengthOf"/>.</summary>
    public static void Write(StoredResult result, Span<byte> bytes)
    {
        bytes[0] = Version;
        var rest = bytes[FrameStart..];
        WriteNumber(ref rest, result.Status);
        WriteNumber(ref rest, result.Headers.Count);
        for (var i = 0; i < result.Headers.Count; i++)
        {
            WriteText(ref rest, result.Headers[i].Key);
            WriteText(ref rest, result.Headers[i].Value);
        }

        WriteNumber(ref rest, result.Body.Length);
        result.Body.Span.CopyTo(rest);
        SHA256.HashData(bytes[FrameStart..], bytes[1..FrameStart]);
    }

    public static bool TryDecode(ReadOnlyMemory<byte> stored, bool verifyHash, [NotNullWhen(true)] out StoredResult? result)
    {
        result = null;
        var bytes = stored.Span;
        if (bytes.Length < FrameStart + 12 || bytes[0] != Version)
            return false;

        var rest = bytes[FrameStart..];
        if (verifyHash)
        {
            Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
            SHA256.HashData(rest, hash);
            if (!hash.SequenceEqual(bytes[1..FrameStart]))
                return false;
        }

        if (!TryReadNumber(ref rest, out var status) || !TryReadNumber(ref rest, out var count) || count > rest.Length / 8)
            return false;
        var headers = count == 0 ? [] : new KeyValuePair<string, string>[count];
        for (var i = 0; i < count; i++)
        {
            if (!TryReadText(ref rest, out var name) || !TryReadText(ref rest, out var value))
                return false;
            headers[i] = new(name, value);
        }

        if (!TryReadNumber(ref rest, out var bodyLength) || bodyLength != rest.Length)
            return false;
        result = new StoredResult { Status = status, Headers = headers, Body = stored[^bodyLength..] };
        return true;
    }

    private static void WriteNumber(ref Span<byte> rest, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(rest, value);
        rest = rest[4..];
    }

    private static void WriteText(ref Span<byte> rest, string text)
    {
        var length = Encoding.UTF8.GetBytes(text, rest[4..]);
        WriteNumber(ref rest, length);
        rest = rest[length..];
    }

    private static bool TryReadNumber(ref ReadOnlySpan<byte> rest, out int value)
    {
        if (!BinaryPrimitives.TryReadInt32LittleEndian(rest, out value) || value < 0)
            return false;
        rest = rest[4..];
        return true;
    }

    private static bool TryReadText(ref ReadOnlySpan<byte> rest, out string text)
    {
        text = "";
        if (!TryReadNumber(ref rest, out var length) || length > rest.Length)
            return false;
        text = Encoding.UTF8.GetString(rest[..length]);
        rest = rest[length..];
        return true;
    }
}
