using System.Security.Cryptography;

namespace Topology.Saga.Internal;

internal static class SagaInputHash
{
    public static string Compute(SagaValue input) => Convert.ToHexStringLower(SHA256.HashData(input.ToJson().Span));
}
