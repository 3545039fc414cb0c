using System.Security.Cryptography;
using System.Text;

namespace Topology.Idempotency.Internal;

internal static class KeyDigest
{
    public static string Of(string value)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(value), hash);
        return Convert.ToHexStringLower(hash[..8]);
    }
}
