using System.Diagnostics.CodeAnalysis;

namespace Topology.Rules.Tests;

/// <summary>Never called: it refers to each banned symbol once, so that the scan is seen to find it.</summary>
internal static class PlantedSymbols
{
    [SuppressMessage("Reliability", "CA2016", Justification = "The overload without a token is one of the banned.")]
    public static async Task Banned(TimeSpan time, CancellationToken cancellationToken)
    {
        _ = DateTime.Now;
        _ = DateTime.UtcNow;
        _ = DateTime.Today;
        _ = DateTimeOffset.Now;
        _ = DateTimeOffset.UtcNow;
        await Task.Delay(1);
        await Task.Delay(1, cancellationToken);
        await Task.Delay(time);
        await Task.Delay(time, cancellationToken);
        Thread.Sleep(1);
        Thread.Sleep(time);
        _ = Random.Shared;
        Console.WriteLine();
    }

    public static Task Allowed(TimeSpan time, TimeProvider clock) => Task.Delay(time, clock, CancellationToken.None);
}
