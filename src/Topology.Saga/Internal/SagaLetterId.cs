using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Topology.Saga.Internal;

internal static class SagaLetterId
{
    public static string Compute(SagaId id, string stepId, int episode)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{id}\u001f{stepId}\u001f{episode}");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16));
    }
}
