using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Topology.Dlq;

/// <summary>Makes letter ids. Thread safe.</summary>
public static class DeadLetterId
{
    internal const int MaxLength = 64;

    /// <summary>Returns the id of whatever the parts name: the same parts give the same id, on every machine and in every version.</summary>
    /// <param name="parts">What identifies the failure, such as saga, step and episode.</param>
    /// <returns>32 lower-case hexadecimal digits: the first 128 bits of SHA-256 over the parts, each preceded by its length.</returns>
    /// <exception cref="ArgumentException">There is no part.</exception>
    /// <exception cref="ArgumentNullException">A part is <see langword="null"/>.</exception>
    public static string Of(params ReadOnlySpan<string> parts)
    {
        if (parts.IsEmpty)
            throw new ArgumentException("An id needs at least one part.", nameof(parts));

        var most = 0;
        foreach (var part in parts)
        {
            ArgumentNullException.ThrowIfNull(part, nameof(parts));
            most += 4 + Encoding.UTF8.GetMaxByteCount(part.Length);
        }

        var framed = most <= 1024 ? stackalloc byte[most] : new byte[most];
        var end = 0;
        foreach (var part in parts)
        {
            var length = Encoding.UTF8.GetBytes(part, framed[(end + 4)..]);
            BinaryPrimitives.WriteInt32BigEndian(framed[end..], length);
            end += 4 + length;
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(framed[..end], hash);
        return Convert.ToHexStringLower(hash[..16]);
    }

    internal static bool IsValid(string id) =>
        id.Length is > 0 and <= MaxLength && !id.AsSpan().ContainsAnyExcept(Allowed);

    private static readonly System.Buffers.SearchValues<char> Allowed =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
}
