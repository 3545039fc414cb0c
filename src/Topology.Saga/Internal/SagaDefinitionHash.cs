using System.Security.Cryptography;
using System.Text;

namespace Topology.Saga.Internal;

internal static class SagaDefinitionHash
{
    public static string Compute(SagaDefinition definition)
    {
        // A unit separator stands in none of the parts, so no two definitions have one text.
        var text = new StringBuilder(definition.Name).Append('\u001f').Append(definition.InputType);
        foreach (var step in definition.Steps)
        {
            text.Append('\u001f').Append(step.Id).Append('\u001f').Append(step.Kind).Append('\u001f').Append(step.ResultType).Append((step as SagaWaitStep)?.Signal);
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}
