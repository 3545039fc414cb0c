using System.Globalization;
using ScottPlot;

namespace Topology.Benchmarks.Retry;

/// <summary>Draws the storm and prints its table, for docs/retry.md.</summary>
internal static class RetryStormPlot
{
    public static void Write(string file)
    {
        var storms = RetryStorm.RunAll();
        using var plot = new Plot();
        plot.Add.HorizontalSpan(RetryStorm.OutageBegins, RetryStorm.OutageEnds, Colors.LightGray.WithAlpha(0.5));
        var capacity = plot.Add.HorizontalLine(RetryStorm.Capacity, 1, Colors.Black, LinePattern.Dashed);
        capacity.LegendText = "what the server can do";
        Color[] colors = [Colors.FireBrick, Colors.DarkOrange, Colors.SteelBlue, Colors.SeaGreen];
        foreach (var ((name, storm), color) in storms.Zip(colors))
        {
            var line = plot.Add.SignalXY([.. Enumerable.Range(0, RetryStorm.Seconds).Select(second => (double)second)], [.. storm.Calls.Select(calls => (double)calls)], color);
            line.LegendText = name;
        }

        plot.Title("Calls that reach a server that is down from second 60 to 120");
        plot.XLabel("seconds");
        plot.YLabel("calls per second");
        plot.Axes.SetLimits(0, RetryStorm.Seconds, 0, storms.Max(storm => storm.Storm.Calls.Max()) * 1.25);
        plot.ShowLegend(Alignment.UpperRight);
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        plot.SaveSvg(file, 900, 420);

        Console.WriteLine("| | calls in the outage | largest load in a second | recovered after |\n|---|---|---|---|");
        foreach (var (name, storm) in storms)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {name} | {storm.CallsInOutage:N0} | {storm.PeakCalls:N0} | {(storm.RecoverySeconds is { } seconds ? $"{seconds} s" : "never in 5 minutes")} |"));
        }
    }
}
