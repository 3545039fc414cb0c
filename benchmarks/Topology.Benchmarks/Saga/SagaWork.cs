namespace Topology.Benchmarks.Saga;

/// <summary>What a step does, the same on every side: it leaves its thread once, as a call to anybody would.</summary>
internal static class SagaWork
{
    public const int Steps = 4;

    public static async ValueTask<int> DoAsync(int number)
    {
        await Task.Yield();
        return number;
    }

    /// <summary>Runs a batch of sagas, so many at a time.</summary>
    public static Task RunAsync(int sagas, int atATime, Func<int, ValueTask> saga)
    {
        var next = 0;
        return Task.WhenAll(Enumerable.Range(0, atATime).Select(_ => Task.Run(async () =>
        {
            for (var n = Interlocked.Increment(ref next); n <= sagas; n = Interlocked.Increment(ref next))
            {
                await saga(n);
            }
        })));
    }
}
