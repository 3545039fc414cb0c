namespace Topology.Samples.Tests.Deploy;

/// <summary>A fault of a manifest.</summary>
/// <param name="Rule">The rule that sees it.</param>
/// <param name="Message">What is wrong, and where.</param>
internal sealed record Finding(string Rule, string Message)
{
    public override string ToString() => $"{Rule}: {Message}";
}
