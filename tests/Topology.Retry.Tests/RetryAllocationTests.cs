namespace Topology.Retry.Tests;

public sealed class RetryAllocationTests
{
    private readonly RetryPolicy _policy = new(new RetryProfileOptions { BaseDelay = TimeSpan.Zero, Budget = "b" }, budget: new RetryBudget(new RetryBudgetOptions { SuccessCredit = 100 }));
    private int _calls;

#pragma warning disable CA2012 // Each call has completed; only that is asked.
    [Fact]
    public void A_call_that_succeeds_allocates_nothing() =>
        Assert.Equal(0, Allocated(this, static test => test._policy.ExecuteAsync(test, static (_, _) => new ValueTask<int>(42)).IsCompletedSuccessfully));

    [Fact]
    public void A_call_without_a_result_that_succeeds_allocates_nothing() =>
        Assert.Equal(0, Allocated(this, static test => test._policy.ExecuteAsync(test, static (_, _) => default(ValueTask)).IsCompletedSuccessfully));

    [Fact]
    public void A_call_without_a_state_that_succeeds_allocates_nothing() =>
        Assert.Equal(0, Allocated(this, static test => test._policy.ExecuteAsync(static _ => new ValueTask<int>(42)).IsCompletedSuccessfully));

    [Fact]
    public void A_refused_result_and_its_retry_allocate_nothing() => Assert.Equal(0, Allocated(this, static test => test._policy.ExecuteAsync(
        test, static (test, _) => new ValueTask<int>(++test._calls % 2), static result => result == 1 ? RetryVerdict.Retry : default).IsCompletedSuccessfully));

    [Fact]
    public void An_outcome_allocates_nothing() =>
        Assert.Equal(0, Allocated(this, static test => test._policy.TryExecuteAsync(test, static (_, _) => new ValueTask<int>(42)).IsCompletedSuccessfully));
#pragma warning restore CA2012

    /// <summary>The bytes of one call: the least of many runs, as tiered compilation may allocate in any one of them.</summary>
    private static long Allocated<TState>(TState state, Func<TState, bool> call)
    {
        var least = long.MaxValue;
        for (var run = 0; run < 50 && least > 0; run++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 100; i++)
            {
                Assert.True(call(state));
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least / 100;
    }
}
