using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using Topology.Health.Internal;

namespace Topology.Health.Tests;

public sealed class CheckRunnerTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);
    private readonly FakeTimeProvider _time = new();
    private readonly FakeLogger _log = new();

    [Fact]
    public async Task A_check_that_ignores_its_token_fails_at_its_deadline()
    {
        var hung = new TaskCompletionSource<HealthCheckResult>();
        var check = new TestCheck(_ => hung.Task);
        var runner = Runner(check.As("hung", HealthStatus.Unhealthy, "ready"));

        var run = runner.RunAsync(TestContext.Current.CancellationToken);
        await Until.True(() => check.Runs == 1, cancellationToken: TestContext.Current.CancellationToken);
        Assert.False(run.IsCompleted);
        _time.Advance(Timeout);
        var observation = await run;

        Assert.Equal((HealthStatus.Unhealthy, "timeout"), (observation.Status, observation.Code));
        hung.SetResult(HealthCheckResult.Healthy());
    }

    [Fact]
    public async Task A_check_that_blocks_its_thread_fails_at_its_deadline()
    {
        using var released = new ManualResetEventSlim();
        var check = new TestCheck(_ =>
        {
            released.Wait(TestContext.Current.CancellationToken);
            return Task.FromResult(HealthCheckResult.Healthy());
        });
        var runner = Runner(check.As("blocks", HealthStatus.Unhealthy, "ready"));

        var run = runner.RunAsync(TestContext.Current.CancellationToken);
        await Until.True(() => check.Runs == 1, cancellationToken: TestContext.Current.CancellationToken);
        _time.Advance(Timeout);

        Assert.Equal("timeout", (await run).Code);
        released.Set();
    }

    [Fact]
    public async Task A_run_that_has_not_returned_is_reported_and_not_started_again()
    {
        var hung = new TaskCompletionSource<HealthCheckResult>();
        var check = new TestCheck(_ => hung.Task);
        var runner = Runner(check.As("hung", HealthStatus.Degraded, "ready"));
        var first = runner.RunAsync(TestContext.Current.CancellationToken);
        await Until.True(() => check.Runs == 1, cancellationToken: TestContext.Current.CancellationToken);
        _time.Advance(Timeout);
        await first;

        for (var i = 0; i < 10; i++)
        {
            var observation = await runner.RunAsync(TestContext.Current.CancellationToken);
            Assert.Equal((HealthStatus.Degraded, "timeout"), (observation.Status, observation.Code));
        }

        Assert.Equal(1, check.Runs);
        Assert.Equal(1401, Assert.Single(_log.Collector.GetSnapshot()).Id.Id);

        hung.SetResult(HealthCheckResult.Unhealthy());
        await Until.True(async () => (await runner.RunAsync(TestContext.Current.CancellationToken)).Code != "timeout", cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(check.Runs >= 2, "the late result itself is never believed");
    }

    [Fact]
    public async Task The_token_of_a_run_past_its_deadline_is_cancelled()
    {
        var cancelled = new TaskCompletionSource();
        var check = new TestCheck(async token =>
        {
            token.Register(cancelled.SetResult);
            await cancelled.Task;
            throw new InvalidOperationException("late");
        });
        var run = Runner(check.As("slow", HealthStatus.Unhealthy, "ready")).RunAsync(TestContext.Current.CancellationToken);
        await Until.True(() => check.Runs == 1, cancellationToken: TestContext.Current.CancellationToken);
        _time.Advance(Timeout);
        await run;
        await cancelled.Task.WaitAsync(TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(HealthStatus.Unhealthy)]
    [InlineData(HealthStatus.Degraded)]
    public async Task A_check_that_throws_has_its_failure_status_and_is_logged_once(HealthStatus failure)
    {
        var check = new TestCheck(_ => throw new InvalidOperationException("Host=db;Password=hunter2"));
        var runner = Runner(check.As("throws", failure, "ready"));
        for (var i = 0; i < 3; i++)
        {
            var observation = await runner.RunAsync(TestContext.Current.CancellationToken);
            Assert.Equal((failure, "threw"), (observation.Status, observation.Code));
        }

        var entry = Assert.Single(_log.Collector.GetSnapshot());
        Assert.Equal(1400, entry.Id.Id);
        Assert.IsType<InvalidOperationException>(entry.Exception);
    }

    [Fact]
    public async Task A_check_that_cannot_be_built_is_reported_and_logged()
    {
        var runner = Runner(new HealthCheckRegistration("lost", static provider => provider.GetRequiredService<IHealthCheck>(), null, ["ready"]));
        var observation = await runner.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal((HealthStatus.Unhealthy, "cannot_build"), (observation.Status, observation.Code));
        Assert.Equal(1400, Assert.Single(_log.Collector.GetSnapshot()).Id.Id);
    }

    [Fact]
    public async Task A_check_registered_as_degrading_never_counts_as_unhealthy()
    {
        var runner = Runner(new TestCheck(HealthStatus.Unhealthy).As("soft", HealthStatus.Degraded, "ready"));
        var observation = await runner.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal((HealthStatus.Degraded, "unhealthy"), (observation.Status, observation.Code));
    }

    [Theory]
    [InlineData("read_only", "read_only")]
    [InlineData("hunter2", "unhealthy")]
    [InlineData(null, "unhealthy")]
    public async Task A_description_is_a_code_only_when_the_registration_declared_it(string? description, string code)
    {
        var check = new TestCheck(_ => Task.FromResult(HealthCheckResult.Unhealthy(description)));
        var runner = Runner(check.As("redis", HealthStatus.Unhealthy, "ready", "code:read_only"));
        Assert.Equal(code, (await runner.RunAsync(TestContext.Current.CancellationToken)).Code);
    }

    [Fact]
    public async Task Cancellation_surfaces()
    {
        using var stop = new CancellationTokenSource();
        var check = new TestCheck(_ => new TaskCompletionSource<HealthCheckResult>().Task);
        var run = Runner(check.As("hung", HealthStatus.Unhealthy, "ready")).RunAsync(stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }

    private CheckRunner Runner(HealthCheckRegistration registration) => new(
        registration, Timeout, new ServiceCollection().BuildServiceProvider().GetRequiredService<IServiceScopeFactory>(), _time, _log);
}
