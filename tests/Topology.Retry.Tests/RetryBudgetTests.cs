namespace Topology.Retry.Tests;

public sealed class RetryBudgetTests
{
    [Fact]
    public void A_full_outage_spends_the_budget_and_then_adds_nothing()
    {
        var budget = new RetryBudget(new RetryBudgetOptions { MaxTokens = 100, RetryCost = 10, SuccessCredit = 1 });

        Assert.Equal(10, Enumerable.Range(0, 1000).Count(_ => budget.TryTake()));
        Assert.Equal(0, budget.Level);
    }

    [Fact]
    public void Ten_successes_earn_one_retry_and_a_full_budget_earns_nothing()
    {
        var budget = new RetryBudget(new RetryBudgetOptions());
        budget.Credit();
        Assert.Equal(1, budget.Level);
        while (budget.TryTake())
        {
        }

        for (var i = 0; i < 9; i++)
        {
            budget.Credit();
        }

        Assert.False(budget.TryTake());
        budget.Credit();
        Assert.True(budget.TryTake());
    }

    [Fact]
    public async Task Ten_thousand_failing_api_calls_make_at_most_five_percent_more_calls()
    {
        var options = RetryProfileOptions.ForProfile(RetryProfileNames.ApiCalls);
        options.BaseDelay = TimeSpan.Zero;
        options.Budget = "shared";
        var policy = new RetryPolicy(options, budget: new RetryBudget(new RetryBudgetOptions { MaxTokens = 100, RetryCost = 10 }));
        var calls = 0;
        var stops = new List<RetryStop>();
        for (var i = 0; i < 10_000; i++)
        {
            var outcome = await policy.TryExecuteAsync(
                _ =>
                {
                    calls++;
                    return ValueTask.FromException<int>(new TimeoutException());
                },
                TestContext.Current.CancellationToken);
            stops.Add(outcome.Stop);
        }

        Assert.InRange(calls, 10_001, 10_500);
        Assert.Equal(9_998, stops.Count(stop => stop == RetryStop.Budget));
    }

    [Fact]
    public void Threads_never_take_more_than_there_is()
    {
        var budget = new RetryBudget(new RetryBudgetOptions { MaxTokens = 1_000_000, RetryCost = 7, SuccessCredit = 3 });
        long taken = 0, credited = 0;
        Parallel.For(0, 4, worker =>
        {
            for (var i = 0; i < 100_000; i++)
            {
                if (budget.TryTake())
                {
                    Interlocked.Increment(ref taken);
                }

                if (i % 2 == worker % 2)
                {
                    budget.Credit();
                    Interlocked.Increment(ref credited);
                }
            }
        });

        // Credits at the full mark are lost, never invented.
        var left = (long)Math.Round(budget.Level * 1_000_000);
        Assert.True((taken * 7) + left <= 1_000_000 + (credited * 3), $"{taken} taken, {credited} credited, {left} left");
        Assert.InRange(left, 0, 1_000_000);
    }

    [Fact]
    public void A_profile_that_names_a_budget_must_be_given_one() =>
        Assert.Throws<ArgumentException>(() => new RetryPolicy(new RetryProfileOptions { Budget = "shared" }));
}
