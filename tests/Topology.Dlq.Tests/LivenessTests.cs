using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.Dlq.Internal;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

/// <summary>The check <c>topology.dlq.loops</c>: what is stuck is found, and what merely waits is not.</summary>
public sealed class LivenessTests : IDisposable
{
    private const string Queue = DeadLetterQueueNames.AgentRun;

    private readonly Gate _end = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _end.Dispose();

    [Fact]
    public async Task The_check_is_published_once_tagged_live_with_its_code()
    {
        await using var house = new DeadLetterHouse(services => services.AddTopologyDlq().AddTopologyDlq());
        var registration = Assert.Single(house.Services.GetServices<HealthCheckRegistration>());
        Assert.Equal(("topology.dlq.loops", HealthStatus.Unhealthy), (registration.Name, registration.FailureStatus));
        Assert.Equal(["code:loop_silent", "live"], registration.Tags.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Idle_loops_are_alive()
    {
        await using var test = new GuardUnderTest((_, _) => ValueTask.FromResult(WorkVerdict.Done));
        await test.House.StartAsync(Token);
        await PassAsync(test, TimeSpan.FromMinutes(20));
    }

    [Fact]
    public async Task A_handler_that_runs_for_as_long_as_it_may_is_alive_and_one_that_ignores_its_end_takes_only_its_place()
    {
        await using var test = new GuardUnderTest(async (message, _) =>
        {
            if (Encoding.UTF8.GetString(message.Body.Span) == "stuck")
                await _end.Opened;
            return WorkVerdict.Done;
        });
        using var end = _end; // before the test waits for its handlers
        for (var i = 0; i < 15; i++)
            test.Add("stuck");
        await PassAsync(test, TimeSpan.FromMinutes(20));
        test.Add("good");
        await test.RunAsync(() => test.Starts.ContainsKey("good"), stop: false);
    }

    [Fact]
    public async Task A_guarded_consumer_whose_every_place_is_held_past_its_time_is_stuck()
    {
        await using var test = new GuardUnderTest(async (_, _) =>
        {
            await _end.Opened;
            return WorkVerdict.Done;
        });
        using var end = _end; // before the test waits for its handlers
        for (var i = 0; i < 16; i++)
            test.Add("stuck");

        // max_processing_time, and one ack_wait for what its token was meant to end.
        await PassAsync(test, TimeSpan.FromMinutes(5));
        await StuckAsync(test);
    }

    [Fact]
    public async Task A_suspect_that_ignores_the_end_of_its_time_holds_every_place()
    {
        await using var test = new GuardUnderTest(async (_, process) =>
        {
            if (process.Number == 1)
                process.Die();
            await _end.Opened;
            return WorkVerdict.Done;
        });
        using var end = _end; // before the test waits for its handlers
        test.Add("suspect");
        await test.RunAsync(() => test.Starts.GetValueOrDefault("suspect") == 2, stop: false);
        await StuckAsync(test);
    }

    [Fact]
    public async Task A_pulling_loop_that_hangs_in_its_client_is_stuck()
    {
        await using var test = new GuardUnderTest((_, _) => ValueTask.FromResult(WorkVerdict.Done));
        using var end = _end; // before the test waits for its handlers
        await PassAsync(test, TimeSpan.FromMinutes(1));
        test.Hang(_end.Opened);
        await StuckAsync(test);
    }

    [Fact]
    public async Task A_processor_may_take_its_time_and_one_that_ignores_its_end_is_stuck()
    {
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var house = new DeadLetterHouse(services => services
            .AddSingleton(new Gates(began, _end))
            .AddDeadLetterProcessor<Endless>(Queue));
        using var end = _end;
        await house.Publisher.PublishAsync(house.Letter("a", Queue), Token);
        await house.StartAsync(Token);
        await began.Task.WaitAsync(TimeSpan.FromSeconds(30), Token);
        for (var second = 0; second < 300; second++)
        {
            house.Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(1, Token); // room for the other loops to come round
            Assert.Equal(HealthStatus.Healthy, (await CheckAsync(house.Services)).Status);
        }

        await Until.True(
            async () =>
            {
                house.Time.Advance(TimeSpan.FromSeconds(5));
                return Summary(await CheckAsync(house.Services)) == (HealthStatus.Unhealthy, "loop_silent");
            },
            cancellationToken: Token);
    }

    [Fact]
    public async Task A_server_that_is_away_for_twenty_minutes_makes_no_loop_silent_and_all_goes_on_after_it()
    {
        await using var server = await NatsServer.StartAsync(cancellationToken: Token);
        await using var connection = await server.ConnectAsync(NatsOpts.Default with
        {
            MaxReconnectRetry = -1,
            ReconnectWaitMin = TimeSpan.FromMilliseconds(50),
            ReconnectWaitMax = TimeSpan.FromMilliseconds(100),
        });
        var jetStream = new NatsJSContext(connection);
        await jetStream.CreateStreamAsync(new StreamConfig("WORK", ["work.>"]) { MaxAge = TimeSpan.FromHours(1) }, Token);
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var test = new JetStreamQueueUnderTest(connection, services =>
        {
            services.AddSingleton<TimeProvider>(time);
            services.AddSingleton<Seen>();
            services.AddGuardedConsumer<Handler>("worker", options => (options.Stream, options.Queue) = ("WORK", "q.dlq"));
            services.Configure<DeadLetterOptions>(options => options.QueueNames.Add("q.dlq"));
            services.Configure<DeadLetterQueueOptions>("q.dlq", options => options.MaxBytes = 1 << 20);
        });
        var seen = test.Services.GetRequiredService<Seen>();
        var hosted = test.Services.GetServices<IHostedService>().ToList();
        foreach (var service in hosted)
            await service.StartAsync(Token);
        await jetStream.PublishAsync("work.a", new byte[1], cancellationToken: Token);
        await Until.True(() => seen.Messages == 1, cancellationToken: Token);

        await server.KillAsync(Token);
        var until = time.GetUtcNow() + TimeSpan.FromMinutes(20);
        while (time.GetUtcNow() < until)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(2, Token); // room for the loops to come round
            Assert.Equal(HealthStatus.Healthy, (await CheckAsync(test.Services)).Status);
        }

        await server.StartAgainAsync(Token);
        await Until.True(async () => (await jetStream.PublishAsync("work.a", new byte[1], cancellationToken: Token)).Error is null, cancellationToken: Token);
        await Until.True(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return seen.Messages >= 2;
            },
            cancellationToken: Token);
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(test.Services)).Status);
        foreach (var service in hosted)
            await service.StopAsync(new CancellationToken(canceled: true));
    }

    private static async Task<HealthCheckResult> CheckAsync(IServiceProvider services)
    {
        var registration = services.GetServices<HealthCheckRegistration>().Single(check => check.Name == DeadLetterLoopsHealthCheck.Name);
        return await registration.Factory(services).CheckHealthAsync(new HealthCheckContext { Registration = registration }, Token);
    }

    private static (HealthStatus Status, string? Code) Summary(HealthCheckResult result) => (result.Status, result.Description);

    private static async Task PassAsync(GuardUnderTest test, TimeSpan time)
    {
        var until = test.Time.GetUtcNow() + time;
        test.Step = TimeSpan.FromSeconds(5);
        await test.RunAsync(
            () => test.Time.GetUtcNow() >= until,
            stop: false,
            eachStep: async () => Assert.Equal(HealthStatus.Healthy, (await CheckAsync(test.House.Services)).Status));
    }

    private static async Task StuckAsync(GuardUnderTest test)
    {
        await Until.True(
            async () =>
            {
                test.Time.Advance(TimeSpan.FromSeconds(5));
                return Summary(await CheckAsync(test.House.Services)) == (HealthStatus.Unhealthy, "loop_silent");
            },
            cancellationToken: Token);

        // It stays so.
        for (var minute = 0; minute < 10; minute++)
        {
            test.Time.Advance(TimeSpan.FromMinutes(1));
            await Task.Delay(2, Token);
            Assert.Equal(HealthStatus.Unhealthy, (await CheckAsync(test.House.Services)).Status);
        }
    }

    private sealed class Gate : IDisposable
    {
        private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Opened => _opened.Task;

        public void Dispose() => _opened.TrySetResult();
    }

    private sealed record Gates(TaskCompletionSource Began, Gate End);

    private sealed class Endless(Gates gates) : IDeadLetterProcessor
    {
        public async ValueTask<DeadLetterVerdict> ProcessAsync(DeadLetterContext context, CancellationToken cancellationToken)
        {
            gates.Began.SetResult();
            await gates.End.Opened;
            return DeadLetterVerdict.Done;
        }
    }

    private sealed class Seen
    {
        public int Messages;
    }

    private sealed class Handler(Seen seen) : IWorkHandler
    {
        public ValueTask<WorkVerdict> HandleAsync(WorkMessage message, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref seen.Messages);
            return ValueTask.FromResult(WorkVerdict.Done);
        }
    }
}
