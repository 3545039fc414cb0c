using Microsoft.Extensions.DependencyInjection;
using Topology.Dlq.Internal;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

public sealed class DeadLetterRedriveTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static DeadLetterQuery All => new(DeadLetterHouse.Queue);

    [Fact]
    public async Task The_marks_are_written_in_the_contracted_order()
    {
        await using var house = House(out var target);
        target.Position = 41;
        await house.Publisher.PublishAsync(house.Letter("a"), Token);
        var journal = new CrashingProvider(house.Provider);
        target.Through = journal;
        var result = await Redrive(house, journal).RunAsync(new(All), cancellationToken: Token);

        Assert.Equal((1, 0, 0, 0), (result.Redriven, result.Resumed, result.Capped, result.Failed));
        Assert.Equal(["mark started(1,41)", "publish redrive:a:1", "mark done(1), closed", "remove"], journal.Journal);
        Assert.Null(await house.Provider.FindAsync(DeadLetterHouse.Queue, "a", Token));
    }

    [Fact]
    public async Task A_crash_between_any_two_marks_is_resumed_and_the_target_holds_the_redrive_once()
    {
        var crashes = 0;
        for (var crash = 1; crash <= 12; crash++)
        {
            foreach (var afterEffect in new[] { false, true })
            {
                await using var house = House(out var target);
                await house.Publisher.PublishAsync(house.Letter("a"), Token);
                var crashing = new CrashingProvider(house.Provider) { CrashAt = crash, CrashAfterEffect = afterEffect };
                target.Through = crashing;
                var run = async () => await Redrive(house, crashing).RunAsync(new(All), cancellationToken: Token);
                try
                {
                    await run();
                }
                catch (CrashingProvider.CrashException)
                {
                    crashes++;
                }

                target.Through = null;
                await house.Redrive.RunAsync(new(All), cancellationToken: Token);
                Assert.Equal(["redrive:a:1"], target.Held);
                Assert.Empty(await house.Store.QueryAsync(All, Token).ToListAsync(Token));
                Assert.NotNull((await house.Provider.ReadMarkAsync(DeadLetterHouse.Queue, "a", Token)).Closed);
                Assert.Equal(
                    DeadLetterOutcome.AlreadyClosed, (await house.Publisher.PublishAsync(house.Letter("a"), Token)).Outcome);
            }
        }

        Assert.True(crashes >= 8, $"Only {crashes} crashes hit a call.");
    }

    [Fact]
    public async Task A_plan_counts_and_changes_nothing()
    {
        await using var house = House(out var target);
        await house.Publisher.PublishAsync(house.Letter("a"), Token);
        await house.Publisher.PublishAsync(house.Letter("b") with { RedriveCount = 3 }, Token);
        await house.Publisher.PublishAsync(house.Letter("c") with { Tenant = "other", Reason = "x" }, Token);
        var plan = await house.Redrive.PlanAsync(new(All), Token);

        Assert.Equal((2, 0, 1, true), (plan.Letters, plan.Resumed, plan.Capped, plan.HasTarget));
        Assert.Equal(2, plan.Groups.Count);
        Assert.Empty(target.Held);
        Assert.Equal(0, (await house.Provider.ReadMarkAsync(DeadLetterHouse.Queue, "a", Token)).RedriveStarted);
        Assert.Equal(1, (await house.Redrive.PlanAsync(new(All with { Tenant = "other" }), Token)).Letters);
        Assert.False((await house.Redrive.PlanAsync(new(new(DeadLetterQueueNames.ToolCall)), Token)).HasTarget);
    }

    [Fact]
    public async Task One_letter_some_letters_or_all_are_redriven_and_the_rest_stays()
    {
        await using var house = House(out var target);
        foreach (var id in new[] { "a", "b", "c", "d" })
            await house.Publisher.PublishAsync(house.Letter(id) with { Tenant = id is "b" or "c" ? "x" : "y" }, Token);

        Assert.Equal(1, (await house.Redrive.RunAsync(new(All with { Id = "a" }), cancellationToken: Token)).Redriven);
        Assert.Equal(["redrive:a:1"], target.Held);
        Assert.Equal(2, (await house.Redrive.RunAsync(new(All with { Tenant = "x" }), cancellationToken: Token)).Redriven);
        Assert.Equal(["d"], await house.Store.QueryAsync(All, Token).Select(letter => letter.Id).ToListAsync(Token));
        Assert.Equal(1, (await house.Redrive.RunAsync(new(All), cancellationToken: Token)).Redriven);
        Assert.Equal(["redrive:a:1", "redrive:b:1", "redrive:c:1", "redrive:d:1"], target.Held);
    }

    [Fact]
    public async Task A_target_that_fails_leaves_the_letter_open_with_its_redrive_count_and_the_next_run_uses_the_same_id()
    {
        await using var house = House(out var target);
        await house.Publisher.PublishAsync(house.Letter("a") with { RedriveCount = 1 }, Token);
        target.Fails = _ => true;
        var failed = await house.Redrive.RunAsync(new(All), cancellationToken: Token);
        Assert.Equal((0, 1), (failed.Redriven, failed.Failed));
        Assert.Equal([new("a", "the target is away")], failed.Failures);

        var open = (await house.Store.GetAsync(DeadLetterHouse.Queue, "a", Token))!;
        Assert.Equal(2, open.RedriveCount);
        target.Fails = _ => false;
        var again = await house.Redrive.RunAsync(new(All), cancellationToken: Token);
        Assert.Equal((1, 1), (again.Redriven, again.Resumed));
        Assert.Equal(["redrive:a:2"], target.Held);
        Assert.All(target.Asked, id => Assert.Equal("redrive:a:2", id));
    }

    [Fact]
    public async Task A_run_ends_at_its_failures_and_does_not_ask_a_dead_target_for_every_letter()
    {
        await using var house = House(out var target);
        for (var i = 0; i < 20; i++)
            await house.Publisher.PublishAsync(house.Letter($"l{i}"), Token);
        target.Fails = _ => true;
        var result = await house.Redrive.RunAsync(new(All) { MaxFailures = 3 }, cancellationToken: Token);
        Assert.True(result.Stopped);
        Assert.Equal(3, result.Failed);
        Assert.Equal(3, target.Asked.Count);
    }

    [Fact]
    public async Task A_message_that_was_redriven_too_often_stays()
    {
        await using var house = House(out var target);
        await house.Publisher.PublishAsync(house.Letter("a") with { RedriveCount = 3 }, Token);
        Assert.Equal(1, (await house.Redrive.RunAsync(new(All), cancellationToken: Token)).Capped);
        Assert.Empty(target.Held);
        Assert.Equal(1, (await house.Redrive.RunAsync(new(All) { MaxRedrives = 4 }, cancellationToken: Token)).Redriven);
        Assert.Equal(["redrive:a:4"], target.Held);
    }

    [Fact]
    public async Task A_queue_without_a_target_is_refused()
    {
        await using var house = House(out _);
        await Assert.ThrowsAsync<DeadLetterException>(
            async () => await house.Redrive.RunAsync(new(new(DeadLetterQueueNames.ToolCall)), cancellationToken: Token));
    }

    [Fact]
    public async Task The_rate_is_held_by_waiting_on_the_clock_and_not_before_the_first_letter()
    {
        await using var house = House(out var target);
        for (var i = 0; i < 5; i++)
            await house.Publisher.PublishAsync(house.Letter($"l{i}"), Token);
        var run = house.Redrive.RunAsync(new(All) { MaxPerSecond = 2 }, cancellationToken: Token).AsTask();
        for (var handedOn = 1; handedOn < 5; handedOn++)
        {
            var expected = handedOn;
            await Until.True(() => target.Held.Count == expected, cancellationToken: Token);
            house.Time.Advance(TimeSpan.FromMilliseconds(499));
            Assert.Equal(handedOn, target.Held.Count);
            house.Time.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.Equal(5, (await run).Redriven);
    }

    [Theory]
    [InlineData(1, 20)]
    [InlineData(2, 20)]
    [InlineData(3, 7)]
    public async Task The_rate_is_held_within_5_percent_however_long_each_letter_takes(int seed, double rate)
    {
        await using var house = House(out var target);
        for (var i = 0; i < 100; i++)
            await house.Publisher.PublishAsync(house.Letter($"l{i}"), Token);
        var random = new Random(seed);
        var taken = new System.Collections.Concurrent.ConcurrentQueue<DateTimeOffset>();
        target.OnRedrive = async _ =>
        {
            // Begun before it is counted: the test moves the clock as soon as it has counted.
            var takes = Task.Delay(TimeSpan.FromSeconds(random.NextDouble() / rate), house.Time, Token);
            taken.Enqueue(house.Time.GetUtcNow());
            await takes;
        };
        var begun = house.Time.GetUtcNow();
        var run = house.Redrive.RunAsync(new(All) { MaxPerSecond = rate }, cancellationToken: Token).AsTask();
        await Until.True(() => !taken.IsEmpty, cancellationToken: Token);
        while (taken.Count < 100)
        {
            house.Time.Advance(TimeSpan.FromMilliseconds(2));
            var due = Math.Min(100, 1 + (int)((house.Time.GetUtcNow() - begun).TotalSeconds * rate));
            try
            {
                await Until.True(() => taken.Count >= due, within: TimeSpan.FromMilliseconds(100), cancellationToken: Token);
            }
            catch (TimeoutException)
            {
                // The clock moved between the look at it and the timer: that letter comes a step late, the next ones do not.
            }

            Assert.InRange(taken.Count, 0, due + 1);
        }

        house.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(100, (await run).Redriven);
        var times = taken.Order().ToList();
        Assert.InRange(99 / (times[^1] - times[0]).TotalSeconds, rate * 0.95, rate * 1.05);
    }

    [Fact]
    public async Task A_run_has_many_letters_under_way_once_the_target_takes_them_and_one_at_a_time_while_it_fails()
    {
        await using var house = House(out var target);
        for (var i = 0; i < 200; i++)
            await house.Publisher.PublishAsync(house.Letter($"l{i:000}"), Token);
        var (underWay, most, fails) = (0, 0, true);
        target.OnRedrive = async _ =>
        {
            most = Math.Max(most, Interlocked.Increment(ref underWay));
            await Task.Yield();
            Interlocked.Decrement(ref underWay);
            if (fails)
                throw new InvalidOperationException("away");
        };
        Assert.Equal(5, (await house.Redrive.RunAsync(new(All) { MaxFailures = 5 }, cancellationToken: Token)).Failed);
        Assert.Equal(1, most);

        fails = false;
        var hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        target.OnRedrive = async _ =>
        {
            if (Interlocked.Increment(ref underWay) > 63)
                await hold.Task;
        };
        var run = house.Redrive.RunAsync(new(All), cancellationToken: Token).AsTask();
        await Until.True(() => Volatile.Read(ref underWay) == 63 + 32, cancellationToken: Token);
        hold.SetResult();
        Assert.Equal(200, (await run).Redriven);
        Assert.Equal(200, target.Held.Distinct().Count());
    }

    [Fact]
    public async Task A_cancelled_run_surfaces_as_such_tells_its_progress_and_goes_on_when_run_again()
    {
        await using var house = House(out var target);
        for (var i = 0; i < 5; i++)
            await house.Publisher.PublishAsync(house.Letter($"l{i}"), Token);
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var progress = new SyncProgress(result =>
        {
            if (result.Redriven == 2)
                cancel.Cancel();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await house.Redrive.RunAsync(new(All), progress, cancel.Token));
        Assert.Equal(2, target.Held.Count);
        Assert.Equal(3, (await house.Redrive.RunAsync(new(All), cancellationToken: Token)).Redriven);
    }

    [Fact]
    public async Task Letters_that_arrive_during_a_run_are_left_to_the_next()
    {
        await using var house = House(out var target);
        await house.Publisher.PublishAsync(house.Letter("a"), Token);
        target.OnRedrive = async letter => await house.Publisher.PublishAsync(house.Letter(letter.Id + "x"), Token);
        Assert.Equal(1, (await house.Redrive.RunAsync(new(All), cancellationToken: Token)).Redriven);
        Assert.Equal(["ax"], await house.Store.QueryAsync(All, Token).Select(letter => letter.Id).ToListAsync(Token));
    }

    private static DeadLetterHouse House(out Target target)
    {
        var house = new DeadLetterHouse(services => services.AddRedriveTarget<Target>(DeadLetterHouse.Queue));
        target = house.Services.GetRequiredService<Target>();
        return house;
    }

    private static DeadLetterRedrive Redrive(DeadLetterHouse house, IDeadLetterQueueProvider provider) =>
        ActivatorUtilities.CreateInstance<DeadLetterRedrive>(house.Services, provider);

    private sealed class SyncProgress(Action<RedriveResult> report) : IProgress<RedriveResult>
    {
        public void Report(RedriveResult value) => report(value);
    }

    /// <summary>A target like a stream: what it has taken can be looked for.</summary>
    internal sealed class Target : IRedriveTarget
    {
        private readonly Lock _lock = new();
        private readonly List<string> _held = [];
        private readonly List<string> _asked = [];

        public IReadOnlyList<string> Held
        {
            get
            {
                lock (_lock)
                    return [.. _held];
            }
        }

        public IReadOnlyList<string> Asked
        {
            get
            {
                lock (_lock)
                    return [.. _asked];
            }
        }

        public ulong Position { get; set; }

        public Func<DeadLetter, bool> Fails { get; set; } = _ => false;

        public Func<DeadLetter, Task> OnRedrive { get; set; } = _ => Task.CompletedTask;

        public CrashingProvider? Through { get; set; }

        public ValueTask<ulong> GetPositionAsync(DeadLetter letter, CancellationToken cancellationToken) => ValueTask.FromResult(Position);

        public ValueTask<bool> IsPresentAsync(DeadLetter letter, string redriveId, ulong position, CancellationToken cancellationToken) =>
            ValueTask.FromResult(Held.Contains(redriveId));

        public async ValueTask RedriveAsync(DeadLetter letter, string redriveId, CancellationToken cancellationToken)
        {
            lock (_lock)
                _asked.Add(redriveId);
            if (Fails(letter))
                throw new InvalidOperationException("the target is away");
            await OnRedrive(letter);
            if (Through is null)
            {
                Add();
                return;
            }

            await Through.Call($"publish {redriveId}", () =>
            {
                Add();
                return ValueTask.FromResult(true);
            });

            void Add()
            {
                lock (_lock)
                    _held.Add(redriveId);
            }
        }
    }
}
