namespace Topology.Benchmarks.Saga;

/// <summary>The floor: the same steps in a loop that remembers nothing and survives nothing.</summary>
internal static class BareSagas
{
    public static async ValueTask RunAsync(int number, bool fails)
    {
        var done = new Stack<int>();
        try
        {
            for (var step = 0; step < SagaWork.Steps; step++)
            {
                var result = await SagaWork.DoAsync(number);
                if (fails && step == SagaWork.Steps - 1)
                {
                    throw new InvalidOperationException("refused");
                }

                done.Push(result);
            }
        }
        catch (InvalidOperationException)
        {
            while (done.TryPop(out var result))
            {
                await SagaWork.DoAsync(result);
            }
        }
    }
}
