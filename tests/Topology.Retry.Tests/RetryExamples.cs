using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Topology.Retry.Tests;

/// <summary>The code of the README and of docs/retry.md. It compiles, and it does what they say.</summary>
public sealed class RetryExamples
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Use()
    {
        var lines = new List<string>();
        Action<string> print = lines.Add;
        var services = new ServiceCollection();

        #region register
        services.AddTopologyRetry();
        services.Configure<RetryProfileOptions>("api_calls", profile =>
        {
            profile.BaseDelay = TimeSpan.FromMilliseconds(5);
            profile.Jitter = RetryJitter.Equal;
            profile.Budget = "llm";
            profile.OnRetry = retry => print($"try {retry.Attempt} failed: {retry.Exception?.Message}, next try in {retry.Delay.TotalSeconds:0.0} s");
        });
        #endregion

        await using var provider = services.BuildServiceProvider();
        var model = new Model();
        var question = "?";

        #region use
        var policy = provider.GetRequiredKeyedService<RetryPolicy>("api_calls");
        var answer = await policy.ExecuteAsync(token => model.AskAsync(question, token), Token);
        #endregion

        Assert.Equal("42", answer);
        Assert.Equal("try 1 failed: busy, next try in 0.0 s", Assert.Single(lines));
    }

    [Fact]
    public async Task Without_exceptions()
    {
        var policy = new RetryPolicy(new RetryProfileOptions { BaseDelay = TimeSpan.Zero });
        var model = new Model();
        var deadline = DateTimeOffset.MaxValue;

        #region outcome
        var outcome = await policy.TryExecuteAsync(
            model,
            static (model, attempt) => model.AskAsync($"attempt {attempt.Number}, {attempt.Remaining} left", attempt.CancellationToken),
            new RetryCall { Deadline = deadline, CancellationToken = Token },
            static answer => answer.Length == 0 ? RetryVerdict.Retry : default);

        if (!outcome.Succeeded)
        {
            throw new InvalidOperationException($"{outcome.Stop} after {outcome.Attempts} tries in {outcome.Elapsed}", outcome.Error);
        }
        #endregion

        Assert.Equal(2, outcome.Attempts);
    }

    [Fact]
    public async Task Tests_of_its_users()
    {
        var model = new Model();

        #region test
        var time = new FakeTimeProvider();
        var policy = new RetryPolicy(RetryProfileOptions.ForProfile("tool_calls"), timeProvider: time, random: () => 0.5);

        var running = policy.ExecuteAsync(token => model.AskAsync("?", token), Token);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("42", await running);
        #endregion
    }

    [Fact]
    public void Http_client()
    {
        var services = new ServiceCollection();

        #region http
        services.AddHttpClient("router").AddTopologyRetry("api_calls");
        #endregion

        using var provider = services.BuildServiceProvider();
        Assert.NotNull(provider.GetRequiredService<IHttpClientFactory>().CreateClient("router"));
    }

    [Fact]
    public void Hints()
    {
        #region hint
        var busy = new ModelBusyException(TimeSpan.FromSeconds(20));
        var verdict = new RetryPolicy(new RetryProfileOptions()).Classify(busy);
        #endregion

        Assert.Equal(TimeSpan.FromSeconds(20), verdict.NotBefore);
    }

    private sealed class Model
    {
        private int _calls;

        public async ValueTask<string> AskAsync(string question, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return ++_calls == 1 ? throw new IOException("busy") : question.Length > 0 ? "42" : "";
        }
    }

    #region hint-type
    private sealed class ModelBusyException(TimeSpan wait) : Exception("The model is busy."), IRetryHint
    {
        public bool MayRetry => true;

        public TimeSpan? RetryAfter => wait;
    }
    #endregion
}
