using System.Diagnostics;

namespace Topology.Benchmarks.Frame;

/// <summary>Measures two sides against a server in turns, so that a noisy machine disturbs both alike.</summary>
internal static class PairedLoad
{
    /// <summary>Runs both sides in each round, in changing order.</summary>
    /// <param name="rounds">How many rounds; the figures are medians over them.</param>
    /// <param name="ours">One batch of calls.</param>
    /// <param name="rival">One batch of as many calls.</param>
    /// <param name="calls">How many calls a batch has.</param>
    /// <param name="warmUps">How many batches of each go before, unmeasured. A side of many small methods is compiled later than one of few.</param>
    /// <param name="alternate">Whether the order changes; not when one side uses up what the other has made.</param>
    public static async Task<PairedFigures> RunAsync(int rounds, int calls, Func<Task> ours, Func<Task> rival, int warmUps = 1, bool alternate = true)
    {
        for (var warmUp = 0; warmUp < warmUps; warmUp++)
        {
            await ours();
            await rival();
        }

        var ratios = new List<double>();
        List<Batch> oursBatches = [], rivalBatches = [];
        for (var round = 0; round < rounds; round++)
        {
            Batch first, second;
            if (round % 2 == 0 || !alternate)
            {
                first = await MeasureAsync(ours);
                second = await MeasureAsync(rival);
            }
            else
            {
                second = await MeasureAsync(rival);
                first = await MeasureAsync(ours);
            }

            ratios.Add(first.Microseconds / second.Microseconds);
            oursBatches.Add(first);
            rivalBatches.Add(second);
        }

        return new PairedFigures(
            Median(ratios),
            Median(oursBatches.Select(b => b.Microseconds)) / calls,
            Median(rivalBatches.Select(b => b.Microseconds)) / calls,
            Median(oursBatches.Select(b => (double)b.Bytes)) / calls,
            Median(rivalBatches.Select(b => (double)b.Bytes)) / calls);
    }

    private static async Task<Batch> MeasureAsync(Func<Task> batch)
    {
        GC.Collect();
        var bytes = GC.GetTotalAllocatedBytes(precise: true);
        var start = Stopwatch.GetTimestamp();
        await batch();
        var elapsed = Stopwatch.GetElapsedTime(start);
        return new Batch(elapsed.TotalMicroseconds, GC.GetTotalAllocatedBytes(precise: true) - bytes);
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
    }

    private readonly record struct Batch(double Microseconds, long Bytes);
}
