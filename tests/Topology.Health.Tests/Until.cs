using System.Diagnostics;

namespace Topology.Health.Tests;

internal static class Until
{
    public static async Task True(Func<Task<bool>> condition)
    {
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), "Waited 30 s in vain.");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    public static Task True(Func<bool> condition) => True(() => Task.FromResult(condition()));
}
