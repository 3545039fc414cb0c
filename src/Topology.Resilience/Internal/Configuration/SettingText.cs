using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>Values as text, the same in every culture.</summary>
internal static partial class SettingText
{
    private static readonly (string Unit, decimal Ticks)[] s_units =
    [
        ("w", 7m * TimeSpan.TicksPerDay), ("d", TimeSpan.TicksPerDay), ("h", TimeSpan.TicksPerHour), ("m", TimeSpan.TicksPerMinute),
        ("s", TimeSpan.TicksPerSecond), ("ms", TimeSpan.TicksPerMillisecond), ("us", TimeSpan.TicksPerMicrosecond), ("ns", 0.01m),
    ];

    private static readonly (string Unit, long Bytes)[] s_sizes =
        [("TiB", 1L << 40), ("GiB", 1L << 30), ("MiB", 1L << 20), ("KiB", 1L << 10), ("Ti", 1L << 40), ("Gi", 1L << 30), ("Mi", 1L << 20), ("Ki", 1L << 10)];

    public static string Write(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);

    public static bool IsNumber(string text) => decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _);

    /// <summary>Reads <c>500ms</c>, <c>1m30s</c>, <c>1.5h</c>, <c>7d</c>, ISO 8601 (<c>PT30S</c>) and <c>[d.]hh:mm:ss</c>.</summary>
    /// <remarks>
    /// Units run from the largest to the smallest, each at most once; years and months have no fixed length and are not read. A value finer
    /// than 100 ns is refused rather than rounded.
    /// </remarks>
    public static bool TryReadDuration(string text, out TimeSpan value)
    {
        value = default;
        if (text.Contains(':', StringComparison.Ordinal))
        {
            // Two parts would be hours and minutes to .NET, minutes and seconds to many readers.
            return text.Count(c => c == ':') == 2 && TimeSpan.TryParseExact(text, "c", CultureInfo.InvariantCulture, out value);
        }

        return text.StartsWith('P') || text.StartsWith("-P", StringComparison.Ordinal)
            ? TryReadIso(text, out value)
            : TryReadUnits(text, out value);
    }

    /// <summary>Returns the duration that was probably meant by a text that is none, such as <c>30 sec</c>, or <see langword="null"/>.</summary>
    public static string? SuggestDuration(string text)
    {
        MatchCollection parts = DurationPart().Matches(text);
        string meant = string.Concat(parts.Select(part => part.Groups["count"].Value + Unit(part.Groups["word"].Value)));
        return parts.Sum(part => part.Length) == text.Length && TryReadDuration(meant, out _) ? meant : null;

        // A lone M may be minutes or months.
        static string Unit(string word) => word == "M" ? word : word.ToUpperInvariant() switch
        {
            "MS" or "MSEC" or "MSECS" or "MILLIS" or "MILLISECOND" or "MILLISECONDS" => "ms",
            "S" or "SEC" or "SECS" or "SECOND" or "SECONDS" => "s",
            "M" or "MIN" or "MINS" or "MINUTE" or "MINUTES" => "m",
            "H" or "HR" or "HRS" or "HOUR" or "HOURS" => "h",
            "D" or "DAY" or "DAYS" => "d",
            "W" or "WEEK" or "WEEKS" => "w",
            _ => word,
        };
    }

    /// <summary>Writes the shortest text that <see cref="TryReadDuration"/> reads back to the same value.</summary>
    public static string Write(TimeSpan value)
    {
        if (value == TimeSpan.Zero)
        {
            return "0s";
        }

        if (value < TimeSpan.Zero)
        {
            return value.ToString("c", CultureInfo.InvariantCulture);
        }

        var text = new System.Text.StringBuilder();
        long rest = value.Ticks;
        foreach ((string unit, decimal ticks) in s_units.Skip(1))
        {
            long count = (long)(rest / ticks);
            rest -= (long)(count * ticks);
            if (count > 0)
            {
                text.Append(CultureInfo.InvariantCulture, $"{count}{unit}");
            }
        }

        return text.ToString();
    }

    /// <summary>Reads a whole number of bytes, alone or in KiB, MiB, GiB or TiB.</summary>
    public static bool TryReadBytes(string text, out long value)
    {
        long factor = 1;
        foreach ((string unit, long bytes) in s_sizes)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal))
            {
                text = text[..^unit.Length].TrimEnd(' ');
                factor = bytes;
                break;
            }
        }

        value = 0;
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long count) || count > long.MaxValue / factor)
        {
            return false;
        }

        value = count * factor;
        return true;
    }

    public static string WriteBytes(long value)
    {
        foreach ((string unit, long bytes) in s_sizes)
        {
            if (value > 0 && value % bytes == 0)
            {
                return Write(value / bytes) + unit;
            }
        }

        return Write(value);
    }

    private static bool TryReadIso(string text, out TimeSpan value)
    {
        value = default;
        int time = text.IndexOf('T', StringComparison.Ordinal);
        if (text.AsSpan(0, time < 0 ? text.Length : time).ContainsAny('Y', 'M'))
        {
            return false;
        }

        try
        {
            value = XmlConvert.ToTimeSpan(text);
            return true;
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            return false;
        }
    }

    private static bool TryReadUnits(string text, out TimeSpan value)
    {
        value = default;
        decimal total = 0;
        int next = 0;
        int at = 0;
        while (at < text.Length)
        {
            int end = at;
            while (end < text.Length && (char.IsAsciiDigit(text[end]) || text[end] == '.'))
            {
                end++;
            }

            int unitEnd = end;
            while (unitEnd < text.Length && (char.IsAsciiLetter(text[unitEnd]) || text[unitEnd] is 'µ' or 'μ'))
            {
                unitEnd++;
            }

            string unit = text[end..unitEnd].Replace('µ', 'u').Replace('μ', 'u');
            int index = Array.FindIndex(s_units, next, u => u.Unit == unit);
            if (index < 0 || unitEnd - at > 30 || !char.IsAsciiDigit(text[at])
                || !decimal.TryParse(text.AsSpan(at, end - at), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal count)
                || count > long.MaxValue)
            {
                return false;
            }

            total += count * s_units[index].Ticks;
            next = index + 1;
            at = unitEnd;
            if (total > long.MaxValue)
            {
                return false;
            }
        }

        if (at == 0 || total != decimal.Truncate(total))
        {
            return false;
        }

        value = TimeSpan.FromTicks((long)total);
        return true;
    }

    [GeneratedRegex(@"\G(?<count>[0-9]+([.][0-9]+)?) *(?<word>[A-Za-z]+) *")]
    private static partial Regex DurationPart();
}
