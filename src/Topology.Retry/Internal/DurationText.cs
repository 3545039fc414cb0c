using System.Globalization;

namespace Topology.Retry.Internal;

/// <summary>Writes a time as <c>topology.yaml</c> does: <c>500ms</c>, <c>30s</c>, <c>7d</c>.</summary>
internal static class DurationText
{
    public static string Of(TimeSpan value)
    {
        var (number, unit) = value.Ticks switch
        {
            0 => (0, "s"),
            var ticks when ticks % TimeSpan.TicksPerDay == 0 => (value.TotalDays, "d"),
            var ticks when ticks % TimeSpan.TicksPerSecond == 0 => (value.TotalSeconds, "s"),
            _ => (value.TotalMilliseconds, "ms"),
        };
        return number.ToString("0.####", CultureInfo.InvariantCulture) + unit;
    }
}
