using System.Text.RegularExpressions;

namespace Topology.Dlq.Internal;

internal static partial class DeadLetterNameRules
{
    public const string Dotted = "words of letters, digits, '-' or '_', joined by dots, 1 to 200 characters in all";

    public static bool IsDotted(string? name) => name is { Length: > 0 and <= 200 } && DottedName().IsMatch(name);

    public static bool IsConsumer(string? name) => name is { Length: > 0 and <= 100 } && ConsumerName().IsMatch(name);

    [GeneratedRegex(@"\A[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\z")]
    private static partial Regex DottedName();

    [GeneratedRegex(@"\A[A-Za-z0-9_-]+\z")]
    private static partial Regex ConsumerName();
}
