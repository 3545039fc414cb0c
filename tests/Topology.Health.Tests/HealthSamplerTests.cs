using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Topology.Health.Internal;

namespace Topology.Health.Tests;

public sealed class HealthSamplerTests
{
    [Theory]
    [InlineData(0.0, 8_000)]
    [InlineData(0.5, 10_000)]
    [InlineData(1.0, 12_000)]
    public async Task The_wait_between_two_runs_is_the_period_varied_by_the_jitter(double random, int expectedMs)
    {
        var check = new TestCheck(HealthStatus.Healthy);
        using var sampling = new Sampling(random, new HealthOptions { Period = TimeSpan.FromSeconds(10), Jitter = 0.2 }, check.As("nats", HealthStatus.Unhealthy, "ready"));
        await sampling.StartAsync();
        await Until.True(() => sampling.Time.Waiting == 1, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(TimeSpan.FromMilliseconds(expectedMs), sampling.Time.LastWait);
        Assert.Equal(1, check.Runs);

        sampling.Time.Fake.Advance(TimeSpan.FromMilliseconds(expectedMs));
        await Until.True(() => check.Runs == 2, cancellationToken: TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task The_period_of_the_registration_wins()
    {
        var registration = new HealthCheckRegistration("nats", new TestCheck(HealthStatus.Healthy), null, ["ready"]) { Period = TimeSpan.FromSeconds(3) };
        using var sampling = new Sampling(0.5, new HealthOptions { Period = TimeSpan.FromSeconds(10) }, registration);
        await sampling.StartAsync();
        await Until.True(() => sampling.Time.Waiting == 1, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(TimeSpan.FromSeconds(3), sampling.Time.LastWait);
    }

    [Fact]
    public async Task A_startup_check_is_run_until_it_passes_and_never_again()
    {
        var check = new TestCheck(HealthStatus.Unhealthy);
        await using var app = await HealthApp.StartAsync(builder => builder.Services.AddHealthChecks().Add(check.As("warm-up", HealthStatus.Unhealthy, "startup")));
        await Until.True(() => check.Runs >= 3, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "starting"), await app.StartupAsync());
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "starting"), await app.ReadyAsync());

        check.Set(HealthStatus.Healthy);
        await Until.True(async () => (await app.StartupAsync()).Code == HttpStatusCode.OK, cancellationToken: TestContext.Current.CancellationToken);
        var board = app.App.Services.GetRequiredService<HealthBoard>();
        Assert.True(board.IsDone(board.Checks.Single(static entry => entry.Name == "warm-up")));
        var runs = check.Runs;
        var pool = board.Checks.Single(static entry => entry.Name == ThreadPoolCheck.Name);
        for (var rounds = 0; rounds < 3; rounds++)
        {
            var sampled = pool.SampledTimestamp;
            await Until.True(() => pool.SampledTimestamp != sampled, cancellationToken: TestContext.Current.CancellationToken);
        }

        Assert.Equal(runs, check.Runs);
    }

    [Fact]
    public async Task A_stuck_loop_fails_live_and_a_hung_dependency_does_not()
    {
        var hung = new TaskCompletionSource<HealthCheckResult>();
        await using var app = await HealthApp.StartAsync(builder =>
        {
            builder.Services.AddHealthChecks().Add(new TestCheck(_ => hung.Task).As("nats", HealthStatus.Unhealthy, "ready"));
            builder.Services.AddSingleton<StuckLoop>().AddHostedService(static provider => provider.GetRequiredService<StuckLoop>());
        });
        var loop = app.App.Services.GetRequiredService<StuckLoop>();
        await Until.True(async () => (await app.ReadyAsync()).Status == "unhealthy", cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, (await app.LiveAsync()).Code);

        loop.Stuck = true;
        await Until.True(async () => (await app.LiveAsync()).Code == HttpStatusCode.ServiceUnavailable, cancellationToken: TestContext.Current.CancellationToken);
        loop.Stuck = false;
        await Until.True(async () => (await app.LiveAsync()).Code == HttpStatusCode.OK, cancellationToken: TestContext.Current.CancellationToken);
        hung.SetResult(HealthCheckResult.Healthy());
    }

    private sealed class StuckLoop(LivenessHeartbeats heartbeats) : BackgroundService
    {
        public volatile bool Stuck;

        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            using var heartbeat = heartbeats.Register("orders", TimeSpan.FromSeconds(1));
            while (!stoppingToken.IsCancellationRequested)
            {
                if (!Stuck)
                    heartbeat.Beat();
                await Task.Delay(20, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private sealed class Sampling : IDisposable
    {
        private readonly ServiceProvider _services = new ServiceCollection().BuildServiceProvider();
        private readonly ApplicationLifetime _lifetime = new(NullLogger<ApplicationLifetime>.Instance);
        private readonly HealthSampler _sampler;

        public Sampling(double random, HealthOptions options, HealthCheckRegistration registration)
        {
            var checks = new HealthCheckServiceOptions();
            checks.Registrations.Add(registration);
            var board = new HealthBoard(Options.Create(options), Options.Create(checks), Time, new HealthMetrics(null), NullLogger<HealthBoard>.Instance);
            _sampler = new HealthSampler(
                board, _services.GetRequiredService<IServiceScopeFactory>(), _lifetime, Options.Create(options), Time, NullLogger<HealthSampler>.Instance, () => random);
        }

        public WaitingTime Time { get; } = new();

        public Task StartAsync() => _sampler.StartAsync(TestContext.Current.CancellationToken);

        public void Dispose()
        {
            _sampler.StopAsync(CancellationToken.None).GetAwaiter().GetResult();
            _sampler.Dispose();
            _services.Dispose();
        }
    }

    /// <summary>Fake time that remembers the waits of the loop, but not the deadlines of runs.</summary>
    private sealed class WaitingTime : TimeProvider
    {
        private static readonly TimeSpan Deadline = new HealthOptions().Timeout;
        private int _waiting;

        public FakeTimeProvider Fake { get; } = new();

        public int Waiting => Volatile.Read(ref _waiting);

        public TimeSpan LastWait { get; private set; }

        public override long TimestampFrequency => Fake.TimestampFrequency;

        public override DateTimeOffset GetUtcNow() => Fake.GetUtcNow();

        public override long GetTimestamp() => Fake.GetTimestamp();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = Fake.CreateTimer(callback, state, dueTime, period);
            if (dueTime != Deadline)
            {
                LastWait = dueTime;
                Interlocked.Increment(ref _waiting);
            }

            return timer;
        }
    }
}
