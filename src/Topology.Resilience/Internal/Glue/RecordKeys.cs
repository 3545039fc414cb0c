using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Topology.Idempotency;

namespace Topology.Resilience.Internal;

/// <summary>Keys of work that the platform itself starts.</summary>
internal static class RecordKeys
{
    /// <summary>Makes a key of the parts; of a hash of them where one is longer than a record's key can hold.</summary>
    public static IdempotencyRecordKey Of(string tenant, string user, string operation, string key)
    {
        try
        {
            return IdempotencyRecordKey.Internal(tenant, user, operation, key);
        }
        catch (ArgumentException)
        {
            // No part may hold the separator: lengths keep two lists of parts apart.
            var text = $"{tenant.Length}:{operation.Length}:{tenant}{operation}{key}";
            var hash = Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(text.AsSpan())));
            return IdempotencyRecordKey.Internal("-", user, "-", $"sha256-{hash}");
        }
    }
}
