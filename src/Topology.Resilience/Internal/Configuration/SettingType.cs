using System.Globalization;
using Topology.Retry;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>How one setting's text is read, bounded and written.</summary>
/// <param name="Name">The kind of value, for documents.</param>
/// <param name="Allowed">What is allowed, such as <c>1..100</c>.</param>
/// <param name="Json">The value's JSON Schema, without the braces.</param>
/// <param name="Write">A value as text.</param>
/// <param name="Read">The text's value, or the fault and what to say after the key.</param>
internal sealed record SettingType(
    string Name, string Allowed, string Json, Func<object, string> Write, Func<string, (object? Value, SettingFault Fault, string? Problem)> Read)
{
    /// <summary>Gets the least value, where values have an order.</summary>
    public object? Min { get; init; }

    /// <summary>Gets the greatest value, where there is one.</summary>
    public object? Max { get; init; }

    public static SettingType Integer(int min, int max) => new(
        "integer",
        Span(min, max),
        string.Create(CultureInfo.InvariantCulture, $"\"type\": \"integer\", \"minimum\": {min}, \"maximum\": {max}"),
        value => SettingText.Write((IFormattable)value),
        text => !long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value)
            ? text.AsSpan(text is ['-' or '+', ..] ? 1 : 0) is { Length: > 0 } digits && !digits.ContainsAnyExceptInRange('0', '9')
                ? OutOfRange(Span(min, max), text)
                : Wrong("must be a whole number", text)
            : value < min || value > max ? OutOfRange(Span(min, max), text) : Right((int)value))
    {
        Min = min,
        Max = max,
    };

    public static SettingType Number(double min, double max) => new(
        "number",
        Span(min, max),
        string.Create(CultureInfo.InvariantCulture, $"\"type\": \"number\", \"minimum\": {min}, \"maximum\": {max}"),
        value => SettingText.Write((IFormattable)value),
        text => !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            ? Wrong("must be a number", text)
            : !(value >= min && value <= max) ? OutOfRange(Span(min, max), text) : Right(value))
    {
        Min = min,
        Max = max,
    };

    public static SettingType Duration(TimeSpan min, TimeSpan max) => new(
        "duration",
        $"{SettingText.Write(min)}..{SettingText.Write(max)}",
        "\"type\": \"string\", \"pattern\": \"^(([0-9.]+(w|d|h|m|s|ms|us|µs|ns))+|P.+|([0-9]+[.])?[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?)$\"",
        value => SettingText.Write((TimeSpan)value),
        text => SettingText.TryReadDuration(text, out TimeSpan value)
            ? value < min || value > max
                ? OutOfRange($"{SettingText.Write(min)}..{SettingText.Write(max)}", text)
                : Right(value)
            : (null, SettingFault.Duration, SettingText.IsNumber(text) && !text.StartsWith('-')
                ? $"'{text}' has no unit; write {text}s or {text}ms"
                : $"must be a duration such as 500ms, 1m30s or 7d (was '{Shorten(text)}'){Meant(SettingText.SuggestDuration(text))}"))
    {
        Min = min,
        Max = max,
    };

    public static SettingType Bytes(long min) => new(
        "bytes",
        $"{SettingText.WriteBytes(min)} or more",
        string.Create(CultureInfo.InvariantCulture, $"\"type\": [\"integer\", \"string\"], \"minimum\": {min}, \"pattern\": \"^[0-9]+ ?([KMGT]iB?)?$\""),
        value => SettingText.WriteBytes((long)value),
        text => !SettingText.TryReadBytes(text, out long value)
            ? Wrong("must be a number of bytes such as 1048576 or 1GiB", text)
            : value < min ? OutOfRange($"{SettingText.WriteBytes(min)} or more", text) : Right(value))
    {
        Min = min,
    };

    public static SettingType Boolean { get; } = new(
        "boolean",
        "true, false",
        "\"type\": \"boolean\"",
        value => (bool)value ? "true" : "false",
        text => bool.TryParse(text, out bool value) ? Right(value) : Wrong("must be true or false", text, Meant(YesOrNo(text))));

    public static SettingType Text(int maxLength) => new(
        "text",
        string.Create(CultureInfo.InvariantCulture, $"1..{maxLength} characters"),
        string.Create(CultureInfo.InvariantCulture, $"\"type\": \"string\", \"minLength\": 1, \"maxLength\": {maxLength}"),
        value => (string)value,
        text => text.Length == 0
            ? (null, SettingFault.Missing, "has no value")
            : text.Length > maxLength
                ? (null, SettingFault.Range, string.Create(CultureInfo.InvariantCulture, $"must be 1..{maxLength} characters (was {text.Length})"))
                : Right(text));

    public static SettingType Choice<T>(params (string Text, T Value)[] choices)
        where T : notnull
    {
        string[] names = [.. choices.Select(c => c.Text)];
        string allowed = string.Join(", ", names);
        return new(
            "choice",
            allowed,
            $"\"enum\": [{string.Join(", ", names.Select(n => $"\"{n}\""))}]",
            value => choices.First(c => Equals(c.Value, value)).Text,
            text =>
            {
                foreach ((string name, T value) in choices)
                {
                    if (name.Equals(text, StringComparison.OrdinalIgnoreCase))
                    {
                        return Right(value);
                    }
                }

                string hint = Meant(Spelling.Suggest(text, names));
                return (null, SettingFault.Choice, $"must be {(names.Length == 1 ? "" : "one of ")}{allowed} (was '{Shorten(text)}'){hint}");
            });
    }

    public static SettingType Jitter { get; } = new(
        "jitter",
        "true, false, none, equal, full, decorrelated, or a proportion above 0 up to 1",
        """
        "anyOf": [
          { "type": "boolean" },
          { "enum": ["none", "equal", "full", "decorrelated"] },
          { "type": "number", "exclusiveMinimum": 0, "maximum": 1 }]
        """,
        value => ((RetryJitter)value).ToString(),
        text =>
        {
            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double proportion))
            {
                return proportion is > 0 and <= 1
                    ? Right(RetryJitter.Proportional(proportion))
                    : OutOfRange("above 0 and up to 1", text);
            }

            // The upper-case letters of one culture are not those of another.
            RetryJitter? jitter = text.ToUpperInvariant() switch
            {
                "TRUE" => RetryJitter.Proportional(0.1),
                "FALSE" or "NONE" => RetryJitter.None,
                "EQUAL" => RetryJitter.Equal,
                "FULL" => RetryJitter.Full,
                "DECORRELATED" => RetryJitter.Decorrelated,
                _ => null,
            };
            return jitter is { } found
                ? Right(found)
                : (null, SettingFault.Choice, $"must be true, false, none, equal, full, decorrelated or a proportion such as 0.1 (was '{Shorten(text)}'){Meant(YesOrNo(text))}");
        });

    /// <summary>Cuts a value for a message: a pasted file is not repeated to the console.</summary>
    public static string Shorten(string text)
    {
        string line = text.ReplaceLineEndings(" ");
        return line.Length <= 60 ? line : line[..60] + "…";
    }

    private static string Span(IFormattable min, IFormattable max) =>
        min.Equals(max) ? SettingText.Write(min) : $"{SettingText.Write(min)}..{SettingText.Write(max)}";

    private static (object? Value, SettingFault Fault, string? Problem) Right(object value) => (value, default, null);

    private static (object? Value, SettingFault Fault, string? Problem) Wrong(string expected, string text, string hint = "") =>
        (null, SettingFault.Type, $"{expected} (was '{Shorten(text)}'){hint}");

    private static string Meant(string? text) => text is null ? "" : $"; did you mean '{text}'?";

    /// <summary>The words of older YAML for the two.</summary>
    private static string? YesOrNo(string text) => text.ToUpperInvariant() switch
    {
        "YES" or "Y" or "ON" => "true",
        "NO" or "N" or "OFF" => "false",
        _ => null,
    };

    private static (object? Value, SettingFault Fault, string? Problem) OutOfRange(string range, string text) =>
        (null, SettingFault.Range, $"must be {range} (was {Shorten(text)})");
}
