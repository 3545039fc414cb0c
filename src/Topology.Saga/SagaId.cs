using System.Diagnostics.CodeAnalysis;

namespace Topology.Saga;

/// <summary>Names one saga: its definition and its id within that definition. Immutable.</summary>
/// <param name="Definition">The name of the definition, such as <c>order_processing</c>.</param>
/// <param name="Value">The id within the definition, 1 to 256 characters, no control characters.</param>
/// <remarks><see langword="default"/> names no saga and is refused by every method that takes one.</remarks>
public readonly record struct SagaId(string Definition, string Value)
{
    /// <summary>The longest <see cref="Value"/>, in characters.</summary>
    public const int MaxLength = 256;

    /// <summary>Reads the form of <see cref="ToString"/>: <c>definition/id</c>.</summary>
    /// <param name="text">The text; the id may itself hold slashes, the definition may not.</param>
    /// <param name="id">The saga's name when the method returns <see langword="true"/>.</param>
    /// <returns><see langword="false"/> when the text is not of that form.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, out SagaId id)
    {
        var slash = text?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        id = slash > 0 ? new SagaId(text![..slash], text[(slash + 1)..]) : default;
        return slash > 0 && id.Problem() is null;
    }

    /// <summary>Returns a hash of the value: sagas that differ by their definition only are rare.</summary>
    public override int GetHashCode() => Value is null ? 0 : Value.GetHashCode(StringComparison.Ordinal);

    /// <summary>Returns <c>definition/id</c>.</summary>
    public override string ToString() => $"{Definition}/{Value}";

    internal SagaId Checked(string parameter) => Problem() is { } problem ? throw new ArgumentException(problem, parameter) : this;

    private string? Problem()
    {
        if (string.IsNullOrEmpty(Definition) || string.IsNullOrEmpty(Value))
        {
            return "A saga is named by its definition and an id; one of them is empty.";
        }

        if (Value.Length > MaxLength)
        {
            return $"The saga id has {Value.Length} characters; it may have 1 to {MaxLength}.";
        }

        foreach (var character in Value)
        {
            if (char.IsControl(character))
            {
                return "The saga id holds a control character; use visible text.";
            }
        }

        return null;
    }
}
