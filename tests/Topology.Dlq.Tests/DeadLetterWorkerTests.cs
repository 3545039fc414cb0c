using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Topology.Dlq.Tests;

public sealed class DeadLetterWorkerTests
{
    private const string Queue = DeadLetterQueueNames.AgentRun;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Done_closes_the_letter()
    {
        await using var house = await StartAsync((_, _) => DeadLetterVerdict.Done);
        await house.Publisher.PublishAsync(house.Letter("a", Queue), Token);
        await UntilAsync(house, async () => (await Mark(house, "a")).Closed == "done");
        Assert.Null(await house.Provider.FindAsync(Queue, "a", Token));
    }

    [Fact]
    public async Task Discard_closes_the_letter_and_says_why()
    {
        await using var house = await StartAsync((_, _) => DeadLetterVerdict.Discard("too old"));
        await house.Publisher.PublishAsync(house.Letter("a", Queue), Token);
        await UntilAsync(house, async () => (await Mark(house, "a")).Closed == "discarded: too old");
    }

    [Fact]
    public async Task Park_leaves_the_letter_to_a_person_and_the_processor_is_not_started_again()
    {
        await using var house = await StartAsync((_, _) => default(DeadLetterVerdict));
        await house.Publisher.PublishAsync(house.Letter("a", Queue), Token);
        await UntilAsync(house, async () => (await house.Store.GetAsync(Queue, "a", Token))?.Status == DeadLetterStatus.Parked);
        house.Time.Advance(TimeSpan.FromDays(1));
        var stats = await house.Store.StatsAsync(Queue, Token);
        Assert.Equal((0, 1), (stats.Open, stats.Parked));
        Assert.Equal(1, (await house.Store.GetAsync(Queue, "a", Token))!.ProcessorAttempts);
    }

    [Fact]
    public async Task Retry_after_starts_the_processor_again_after_the_delay_and_parks_when_its_tries_are_used_up()
    {
        var tries = new List<int>();
        await using var house = await StartAsync((context, _) =>
        {
            tries.Add(context.Attempt);
            Assert.Equal(3, context.MaxAttempts);
            return DeadLetterVerdict.RetryAfter(TimeSpan.FromMinutes(5));
        });
        await house.Publisher.PublishAsync(house.Letter("a", Queue), Token);
        for (var n = 1; n <= 3; n++)
        {
            await UntilAsync(house, () => Task.FromResult(tries.Count == n));
            await SettleDown();
            house.Time.Advance(TimeSpan.FromMinutes(5) - TimeSpan.FromSeconds(1));
            await SettleDown();
            Assert.Equal(n, tries.Count);
            house.Time.Advance(TimeSpan.FromSeconds(1));
        }

        await UntilAsync(house, async () => (await house.Store.GetAsync(Queue, "a", Token))?.ParkReason == "processor-failed");
        Assert.Equal([1, 2, 3], tries);
    }

    [Fact]
    public async Task A_processor_that_throws_is_started_as_often_as_it_may_and_then_the_letter_is_parked()
    {
        var tries = 0;
        await using var house = await StartAsync((_, _) =>
        {
            tries++;
            return tries > 0 ? throw new InvalidOperationException("broken") : DeadLetterVerdict.Done;
        });
        await house.Publisher.PublishAsync(house.Letter("a", Queue), Token);
        await UntilAsync(house, async () => (await house.Store.GetAsync(Queue, "a", Token))?.Status == DeadLetterStatus.Parked);
        Assert.Equal(3, tries);
    }

    [Fact]
    public async Task Tries_without_a_verdict_count_so_a_letter_that_kills_its_process_is_parked_unstarted()
    {
        await using var house = new DeadLetterHouse(services => Register(services, (_, _) => DeadLetterVerdict.Done));
        await house.Publisher.PublishAsync(house.Letter("a", Queue), Token);

        // What three killed processes leave behind.
        var mark = await Mark(house, "a");
        await house.Provider.TryWriteMarkAsync(mark with { ProcessorStarts = 3 }, Token);
        await house.StartAsync(Token);
        await UntilAsync(house, async () => (await house.Store.GetAsync(Queue, "a", Token))?.ParkReason == "processor-gave-no-verdict");
    }

    [Fact]
    public async Task A_step_that_is_done_is_not_run_again_when_a_later_one_fails()
    {
        int recorded = 0, alerted = 0;
        await using var house = await StartAsync(async (context, token) =>
        {
            await context.RunStepAsync("record", _ => Count(ref recorded), token);
            await context.RunStepAsync("alert", _ => ++alerted < 3 ? throw new InvalidOperationException("away") : default, token);
            return DeadLetterVerdict.Done;
        });
        await house.Publisher.PublishAsync(house.Letter("a", Queue), Token);
        await UntilAsync(house, async () => (await Mark(house, "a")).Closed is not null);
        Assert.Equal((1, 3), (recorded, alerted));

        static ValueTask Count(ref int count)
        {
            count++;
            return default;
        }
    }

    [Fact]
    public async Task A_running_processor_keeps_its_letter_however_long_it_takes()
    {
        var started = 0;
        var finish = new TaskCompletionSource<DeadLetterVerdict>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var house = await StartAsync(async (_, _) =>
        {
            Interlocked.Increment(ref started);
            return await finish.Task;
        });
        await house.Publisher.PublishAsync(house.Letter("a", Queue), Token);
        await UntilAsync(house, () => Task.FromResult(started == 1));

        // Another process at the same consumer sees nothing, although ack_wait (30 s) passes three times.
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var second = house.Provider.ReceiveAsync(Queue, new() { Name = "dlq-processor" }, leave.Token).GetAsyncEnumerator(leave.Token);
        var stolen = second.MoveNextAsync().AsTask();
        for (var i = 0; i < 20; i++)
        {
            house.Time.Advance(TimeSpan.FromSeconds(5));
            await SettleDown();
        }

        Assert.False(stolen.IsCompleted);
        Assert.Equal(1, started);
        finish.SetResult(DeadLetterVerdict.Done);
        await UntilAsync(house, async () => (await Mark(house, "a")).Closed is not null);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stolen);
        await second.DisposeAsync();
    }

    [Fact]
    public async Task A_crash_at_any_call_of_the_worker_loses_nothing_and_settles_the_letter_in_the_end()
    {
        for (var crash = 1; crash <= 12; crash++)
        {
            foreach (var afterEffect in new[] { false, true })
            {
                CrashingProvider? crashing = null;
                await using var house = new DeadLetterHouse(services =>
                {
                    Register(services, async (context, token) =>
                    {
                        await context.RunStepAsync("record", _ => default, token);
                        return DeadLetterVerdict.Done;
                    });
                    services.AddSingleton<IDeadLetterQueueProvider>(provider => crashing = new CrashingProvider(
                        ActivatorUtilities.CreateInstance<Internal.InMemoryDeadLetterQueueProvider>(provider)));
                });
                await house.Publisher.PublishAsync(house.Letter("a", Queue), Token);
                crashing!.CrashAt = crash;
                crashing.CrashAfterEffect = afterEffect;
                await house.StartAsync(Token);
                await UntilAsync(house, async () => (await Quiet(() => Mark(house, "a")))?.Closed is not null);
            }
        }
    }

    [Fact]
    public async Task A_queue_without_processor_but_with_a_consumer_is_left_alone_and_one_without_consumer_is_alert_only()
    {
        await using var house = new DeadLetterHouse(services => services.AddDeadLetterAlertSink<Sink>());
        await house.StartAsync(Token);
        await house.Publisher.PublishAsync(house.Letter("a", Queue), Token);
        await house.Publisher.PublishAsync(house.Letter("b"), Token);
        await UntilAsync(house, async () => (await house.Store.GetAsync(DeadLetterHouse.Queue, "b", Token))?.ParkReason == "alert-only");

        Assert.Equal(["b"], Sink.Of(house).Sent.Select(alert => alert.Id));
        Assert.Equal(0, (await house.Store.GetAsync(Queue, "a", Token))!.ProcessorAttempts);
    }

    [Fact]
    public async Task A_sink_that_fails_is_told_again_and_the_others_are_not()
    {
        await using var house = new DeadLetterHouse(services => services.AddDeadLetterAlertSink<Sink>().AddDeadLetterAlertSink<OtherSink>());
        Sink.Of(house).FailFirst = 20;
        await house.StartAsync(Token);
        await house.Publisher.PublishAsync(house.Letter("a"), Token);
        await UntilAsync(
            house,
            async () => (await house.Store.GetAsync(DeadLetterHouse.Queue, "a", Token))?.Status == DeadLetterStatus.Parked,
            TimeSpan.FromSeconds(10));
        Assert.Equal(21, Sink.Of(house).Asked);
        Assert.Single(house.Services.GetServices<IDeadLetterAlertSink>().OfType<OtherSink>().Single().Sent);
    }

    [Fact]
    public async Task A_process_that_only_publishes_starts_no_processor()
    {
        await using var house = new DeadLetterHouse(services =>
        {
            services.Configure<DeadLetterOptions>(options => options.ProcessLetters = false);
            services.AddDeadLetterAlertSink<Sink>();
        });
        await house.StartAsync(Token);
        await house.Publisher.PublishAsync(house.Letter("a"), Token);
        await SettleDown();
        Assert.Empty(Sink.Of(house).Sent);
    }

    [Fact]
    public async Task Stopping_waits_for_the_letter_in_hand_and_takes_no_other()
    {
        var started = 0;
        var finish = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var house = await StartAsync(async (_, _) =>
        {
            Interlocked.Increment(ref started);
            await finish.Task;
            return DeadLetterVerdict.Done;
        });
        await house.Publisher.PublishAsync(house.Letter("a", Queue), Token);
        await house.Publisher.PublishAsync(house.Letter("b", Queue), Token);
        await UntilAsync(house, () => Task.FromResult(started == 1));
        var stopping = house.StopAsync(Token);
        await SettleDown();
        Assert.False(stopping.IsCompleted);
        finish.SetResult();
        await stopping;
        Assert.Equal("done", (await Mark(house, "a")).Closed);
        Assert.Null((await Mark(house, "b")).Closed);
        Assert.Equal(1, started);
    }

    private static void Register(IServiceCollection services, Func<DeadLetterContext, CancellationToken, ValueTask<DeadLetterVerdict>> process)
    {
        services.AddSingleton(process);
        services.AddDeadLetterProcessor<Processor>(Queue);
    }

    private static void Register(IServiceCollection services, Func<DeadLetterContext, CancellationToken, DeadLetterVerdict> process) =>
        Register(services, (context, token) => ValueTask.FromResult(process(context, token)));

    private static Task<DeadLetterHouse> StartAsync(Func<DeadLetterContext, CancellationToken, DeadLetterVerdict> process) =>
        StartAsync((context, token) => ValueTask.FromResult(process(context, token)));

    private static async Task<DeadLetterHouse> StartAsync(Func<DeadLetterContext, CancellationToken, ValueTask<DeadLetterVerdict>> process)
    {
        var house = new DeadLetterHouse(services => Register(services, process));
        await house.StartAsync(Token);
        return house;
    }

    private static async Task<DeadLetterMark> Mark(DeadLetterHouse house, string id) => await house.Provider.ReadMarkAsync(Queue, id, Token);

    private static async Task<T?> Quiet<T>(Func<Task<T>> call)
        where T : class
    {
        try
        {
            return await call();
        }
        catch (CrashingProvider.CrashException)
        {
            return null;
        }
    }

    /// <summary>Lets other tasks run, under a clock that they do not see.</summary>
    private static async Task SettleDown()
    {
        for (var i = 0; i < 20; i++)
            await Task.Delay(1, Token);
    }

    private static async Task UntilAsync(DeadLetterHouse house, Func<Task<bool>> condition, TimeSpan? advance = null)
    {
        var deadline = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(deadline) < TimeSpan.FromSeconds(20), "It did not happen within 20 s.");
            await Task.Delay(1, Token);
            house.Time.Advance(advance ?? TimeSpan.FromMilliseconds(500));
        }
    }

    private sealed class Processor(Func<DeadLetterContext, CancellationToken, ValueTask<DeadLetterVerdict>> process) : IDeadLetterProcessor
    {
        public ValueTask<DeadLetterVerdict> ProcessAsync(DeadLetterContext context, CancellationToken cancellationToken) =>
            process(context, cancellationToken);
    }

    private class Sink : IDeadLetterAlertSink
    {
        public virtual string Name => "sink";

        public int FailFirst { get; set; }

        public int Asked { get; private set; }

        public List<DeadLetterAlert> Sent { get; } = [];

        public static Sink Of(DeadLetterHouse house) =>
            house.Services.GetServices<IDeadLetterAlertSink>().OfType<Sink>().Single(sink => sink is not OtherSink);

        public ValueTask SendAsync(DeadLetterAlert alert, CancellationToken cancellationToken)
        {
            if (++Asked <= FailFirst)
                throw new HttpRequestException("away");
            Sent.Add(alert);
            return default;
        }
    }

    private sealed class OtherSink : Sink
    {
        public override string Name => "other";
    }
}
