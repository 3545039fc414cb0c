using Microsoft.Extensions.Time.Testing;

namespace Topology.Retry.Tests;

public sealed class RetryPolicyTests
{
    private static readonly RetryProfileOptions NoWait = new() { BaseDelay = TimeSpan.Zero };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_call_that_fails_twice_and_then_succeeds_is_made_three_times()
    {
        var calls = 0;
        var result = await new RetryPolicy(NoWait).ExecuteAsync(
            _ => ++calls < 3 ? throw new TimeoutException() : new ValueTask<int>(calls), Token);

        Assert.Equal(3, result);
    }

    [Fact]
    public async Task The_caller_sees_the_last_original_exception_with_the_facts_attached()
    {
        var calls = 0;
        var thrown = await Assert.ThrowsAsync<TimeoutException>(() => new RetryPolicy(NoWait, "mine").ExecuteAsync(
            Task<int> (_) => throw new TimeoutException($"try {++calls}"), Token));

        Assert.Equal("try 3", thrown.Message);
        Assert.True(RetryInfo.TryGet(thrown, out var info));
        Assert.Equal(("mine", 3, RetryStop.Attempts), (info.Profile, info.Attempts, info.Stop));
        Assert.Equal(["try 1", "try 2"], info.Earlier.Select(error => error.Message));
    }

    [Fact]
    public async Task A_programming_error_is_never_retried()
    {
        var calls = 0;
        await Assert.ThrowsAsync<ArgumentNullException>(async () => await new RetryPolicy(NoWait).ExecuteAsync(
            ValueTask (_) => throw new ArgumentNullException($"a{++calls}"), Token));

        Assert.Equal(1, calls);
    }

    [Fact]
    public async Task The_waits_of_a_profile_pass_on_the_given_clock()
    {
        var time = new FakeTimeProvider { AutoAdvanceAmount = TimeSpan.Zero };
        var waits = new List<TimeSpan>();
        var options = RetryProfileOptions.ForProfile(RetryProfileNames.ApiCalls);
        options.Jitter = RetryJitter.None;
        options.OnRetry = retry => waits.Add(retry.Delay);
        var outcome = new RetryPolicy(options, timeProvider: time).TryExecuteAsync(ValueTask<int> (_) => throw new TimeoutException(), Token).AsTask();
        while (!outcome.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(100));
        }

        Assert.Equal([500, 1000, 2000, 4000], waits.Select(wait => wait.TotalMilliseconds));
        Assert.Equal((5, RetryStop.Attempts), ((await outcome).Attempts, (await outcome).Stop));
    }
}
