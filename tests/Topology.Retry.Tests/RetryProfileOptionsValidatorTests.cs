using Microsoft.Extensions.Options;

namespace Topology.Retry.Tests;

public sealed class RetryProfileOptionsValidatorTests
{
    private static readonly TimeSpan Tick = TimeSpan.FromTicks(1);

    public static TheoryData<Action<RetryProfileOptions>> Allowed => new()
    {
        { options => options.MaxAttempts = 1 },
        { options => options.MaxAttempts = 100 },
        { options => (options.BaseDelay, options.MaxDelay) = (TimeSpan.Zero, TimeSpan.Zero) },
        { options => (options.BaseDelay, options.MaxDelay) = (TimeSpan.FromDays(1), TimeSpan.FromDays(1)) },
        { options => options.MaxDelay = TimeSpan.FromDays(7) },
        { options => options.ExponentialBase = 1 },
        { options => options.ExponentialBase = 10 },
        { options => options.AttemptTimeout = TimeSpan.FromMilliseconds(1) },
        { options => options.AttemptTimeout = TimeSpan.FromDays(1) },
        { options => options.OverallTimeout = TimeSpan.FromMilliseconds(1) },
        { options => options.OverallTimeout = TimeSpan.FromDays(7) },
        { options => options.MaxServerDelay = TimeSpan.Zero },
        { options => options.MaxServerDelay = TimeSpan.FromDays(7) },
    };

    public static TheoryData<string, Action<RetryProfileOptions>> Refused => new()
    {
        { "max_attempts is 0; it must be 1 to 100.", options => options.MaxAttempts = 0 },
        { "max_attempts is 101; it must be 1 to 100.", options => options.MaxAttempts = 101 },
        { "base_delay is -1s; it must be 0s to 1d.", options => options.BaseDelay = TimeSpan.FromSeconds(-1) },
        { "base_delay is 86401s; it must be 0s to 1d.", options => (options.BaseDelay, options.MaxDelay) = (TimeSpan.FromSeconds(86401), TimeSpan.FromDays(2)) },
        { "max_delay is 500ms; it must be 1s to 7d.", options => options.MaxDelay = TimeSpan.FromMilliseconds(500) },
        { "max_delay is 604801s; it must be 1s to 7d.", options => options.MaxDelay = TimeSpan.FromSeconds(604801) },
        { "exponential_base is 0.99; it must be 1 to 10.", options => options.ExponentialBase = 0.99 },
        { "exponential_base is 10.01; it must be 1 to 10.", options => options.ExponentialBase = 10.01 },
        { "exponential_base is NaN; it must be 1 to 10.", options => options.ExponentialBase = double.NaN },
        { "attempt_timeout is 0s; it must be 1ms to 1d.", options => options.AttemptTimeout = TimeSpan.Zero },
        { "attempt_timeout is 86400000.0001ms; it must be 1ms to 1d.", options => options.AttemptTimeout = TimeSpan.FromDays(1) + Tick },
        { "overall_timeout is 0.9999ms; it must be 1ms to 7d.", options => options.OverallTimeout = TimeSpan.FromMilliseconds(1) - Tick },
        { "max_server_delay is -1s; it must be 0s to 7d.", options => options.MaxServerDelay = TimeSpan.FromSeconds(-1) },
        { "unknown is 7; it must be retry or stop.", options => options.Unknown = (UnknownFailure)7 },
        { "budget is empty; it must be the name of a budget, or absent.", options => options.Budget = "" },
    };

    [Theory]
    [MemberData(nameof(Allowed), DisableDiscoveryEnumeration = true)]
    public void A_value_in_range_is_allowed(Action<RetryProfileOptions> change)
    {
        var options = new RetryProfileOptions();
        change(options);

        Assert.Equal("mine", new RetryPolicy(options, "mine").Name);
    }

    [Theory]
    [MemberData(nameof(Refused), DisableDiscoveryEnumeration = true)]
    public void A_value_out_of_range_is_refused_with_key_value_and_range(string message, Action<RetryProfileOptions> change)
    {
        var options = new RetryProfileOptions();
        change(options);

        var refused = Assert.Throws<OptionsValidationException>(() => new RetryPolicy(options, "mine"));
        Assert.Equal([$"Retry profile 'mine': {message}"], refused.Failures);
    }

    [Theory]
    [InlineData("max_tokens is 0; it must be 1 to 1000000.", 0, 1, 0)]
    [InlineData("max_tokens is 1000001; it must be 1 to 1000000.", 1_000_001, 1, 1)]
    [InlineData("retry_cost is 101; it must be 1 to 100.", 100, 101, 1)]
    [InlineData("retry_cost is 0; it must be 1 to 100.", 100, 0, 1)]
    [InlineData("success_credit is 101; it must be 0 to 100.", 100, 10, 101)]
    [InlineData("success_credit is -1; it must be 0 to 100.", 100, 10, -1)]
    public void A_budget_out_of_range_is_refused(string message, int maxTokens, int retryCost, int successCredit)
    {
        var refused = Assert.Throws<OptionsValidationException>(() => new RetryBudget(
            new RetryBudgetOptions { MaxTokens = maxTokens, RetryCost = retryCost, SuccessCredit = successCredit }, "llm"));

        Assert.Equal([$"Retry budget 'llm': {message}"], refused.Failures);
    }
}
