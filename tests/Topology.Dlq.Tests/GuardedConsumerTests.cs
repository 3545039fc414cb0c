using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Topology.Dlq.Internal;
using Topology.Retry;

namespace Topology.Dlq.Tests;

public sealed class GuardedConsumerTests
{
    private const string Queue = DeadLetterQueueNames.AgentRun;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_message_that_is_done_is_acknowledged_and_leaves_no_mark()
    {
        await using var test = new GuardUnderTest((_, _) => ValueTask.FromResult(WorkVerdict.Done));
        test.Add("a");
        await test.RunAsync(() => test.Stream.Left == 0);
        Assert.Empty(await test.Provider.ReadMarksAsync(Queue, Token).ToListAsync(Token));
        Assert.Equal(1, test.Starts["a"]);
    }

    [Fact]
    public async Task A_message_that_keeps_failing_becomes_one_letter_with_its_history_after_the_profiles_tries()
    {
        await using var test = new GuardUnderTest((message, _) => throw new InvalidOperationException($"try {message.Attempt}"));
        test.Add("a", new() { ["tenant"] = "acme", ["workflow-id"] = "run-7", ["Nats-Msg-Id"] = "m", ["x"] = "y" });
        await test.RunAsync(() => test.Stream.Left == 0);

        var letter = Assert.Single(await test.LettersAsync());
        Assert.Equal(3, test.Starts["a"]);
        Assert.Equal((DeadLetterReasons.MaxAttempts, 3, "acme", "run-7", "work.x"), (letter.Reason, letter.Attempts, letter.Tenant, letter.WorkflowId, letter.Subject));
        Assert.Equal(("System.InvalidOperationException", "try 3"), (letter.ErrorType, letter.ErrorMessage));
        Assert.Equal([1, 2, 3], letter.History.Select(attempt => attempt.Number));
        Assert.Equal("a", Encoding.UTF8.GetString(letter.Body.Span));
        Assert.Equal(("STREAM", 1UL, "worker", "m"), (letter.Source!.Stream, letter.Source.Sequence, letter.Source.Consumer, letter.Source.MessageId));
        Assert.DoesNotContain(letter.Headers, header => header.Key.StartsWith("Nats-", StringComparison.Ordinal));
        Assert.Contains(new("x", "y"), letter.Headers);
        Assert.True(letter.FirstFailedAt < letter.LastFailedAt);

        // Of the profile: one second, then two, each with its jitter.
        Assert.Equal(2, test.Stream.Delays.Count);
        Assert.InRange(test.Stream.Delays[0].TotalSeconds, 0.75, 1.25);
        Assert.InRange(test.Stream.Delays[1].TotalSeconds, 1.5, 2.5);
    }

    [Fact]
    public async Task A_failure_that_no_try_can_cure_becomes_a_letter_at_once()
    {
        await using var test = new GuardUnderTest((_, _) => throw new PermanentException("never"));
        test.Add("a");
        await test.RunAsync(() => test.Stream.Left == 0);
        Assert.Equal(DeadLetterReasons.Rejected, Assert.Single(await test.LettersAsync()).Reason);
        Assert.Equal(1, test.Starts["a"]);
    }

    [Fact]
    public async Task A_handler_may_dead_letter_discard_or_delay()
    {
        await using var test = new GuardUnderTest((message, _) => ValueTask.FromResult(Encoding.UTF8.GetString(message.Body.Span) switch
        {
            "dead" => WorkVerdict.DeadLetter(DeadLetterReasons.Undecodable, new FormatException("no json")),
            "drop" => WorkVerdict.Discard("old"),
            _ => message.Attempt < 3 ? WorkVerdict.RetryAfter(TimeSpan.FromMinutes(1)) : WorkVerdict.Done,
        }));
        test.Add("dead");
        test.Add("drop");
        test.Add("late");
        var began = test.Time.GetUtcNow();
        await test.RunAsync(() => test.Stream.Left == 0);
        Assert.True(test.Time.GetUtcNow() - began >= TimeSpan.FromMinutes(2));
        var letter = Assert.Single(await test.LettersAsync());
        Assert.Equal((DeadLetterReasons.Undecodable, "System.FormatException"), (letter.Reason, letter.ErrorType));
        Assert.Equal((1, 1, 3), (test.Starts["dead"], test.Starts["drop"], test.Starts["late"]));
    }

    [Fact]
    public async Task A_handler_that_takes_too_long_has_failed()
    {
        await using var test = new GuardUnderTest(async (_, token) =>
        {
            await Task.Delay(Timeout.Infinite, token);
            return WorkVerdict.Done;
        });
        test.Step = TimeSpan.FromSeconds(8);
        test.Add("a");
        await test.RunAsync(() => test.Stream.Left == 0);
        Assert.Equal("System.TimeoutException", Assert.Single(await test.LettersAsync()).ErrorType);
    }

    [Fact]
    public async Task A_message_for_another_consumer_is_passed_over()
    {
        await using var test = new GuardUnderTest((_, _) => ValueTask.FromResult(WorkVerdict.Done));
        test.Add("theirs", new() { ["Dlq-Target-Consumer"] = "other" });
        test.Add("mine", new() { ["Dlq-Target-Consumer"] = "worker", ["Dlq-Redrive-Count"] = "2" });
        await test.RunAsync(() => test.Stream.Left == 0);
        Assert.Equal(["mine"], test.Starts.Keys);
    }

    [Fact]
    public async Task A_redrive_that_fails_again_carries_its_count_into_the_next_letter()
    {
        await using var test = new GuardUnderTest((_, _) => throw new PermanentException("never"));
        test.Add("a", new() { ["Dlq-Redrive-Count"] = "2", ["Dlq-Redrive-Id"] = "redrive:x:2" });
        await test.RunAsync(() => test.Stream.Left == 0);
        Assert.Equal(2, Assert.Single(await test.LettersAsync()).RedriveCount);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public async Task Poison_among_good_messages_is_dead_lettered_and_nothing_else_however_bad_the_server(int seed)
    {
        await using var test = new GuardUnderTest(
            (message, _) => Body(message).StartsWith("poison", StringComparison.Ordinal)
                ? throw new InvalidOperationException("bad")
                : ValueTask.FromResult(WorkVerdict.Done),
            seed);
        for (var i = 0; i < 300; i++)
            test.Add(i % 30 == 7 ? $"poison{i}" : $"good{i}");
        await test.RunAsync(() => test.Stream.Left == 0);

        var letters = await test.LettersAsync();
        Assert.Equal(10, letters.Count);
        Assert.All(letters, letter => Assert.StartsWith("poison", Encoding.UTF8.GetString(letter.Body.Span), StringComparison.Ordinal));
        Assert.Equal(300, test.Starts.Count);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public async Task Poison_that_ends_its_process_is_started_max_attempts_to_max_attempts_plus_one_times_and_good_messages_survive(int seed)
    {
        await using var test = new GuardUnderTest((message, process) =>
        {
            if (!Body(message).StartsWith("poison", StringComparison.Ordinal))
                return ValueTask.FromResult(WorkVerdict.Done);
            process.Die();
            return new ValueTask<WorkVerdict>(new TaskCompletionSource<WorkVerdict>().Task);
        });
        var random = new Random(seed);
        var poison = Enumerable.Range(0, 200).OrderBy(_ => random.Next()).Take(5).ToHashSet();
        for (var i = 0; i < 200; i++)
            test.Add(poison.Contains(i) ? $"poison{i}" : $"good{i}");
        await test.RunAsync(() => test.Stream.Left == 0);

        var letters = await test.LettersAsync();
        Assert.Equal(5, letters.Count);
        Assert.All(letters, letter => Assert.StartsWith("poison", Encoding.UTF8.GetString(letter.Body.Span), StringComparison.Ordinal));
        Assert.All(letters, letter => Assert.Equal(DeadLetterReasons.CrashLoop, letter.Reason));
        Assert.All(test.Starts.Where(start => start.Key.StartsWith("poison", StringComparison.Ordinal)), start => Assert.InRange(start.Value, 3, 4));
        Assert.Equal(200, test.Starts.Count);
    }

    [Fact]
    public async Task A_suspect_runs_alone()
    {
        var running = 0;
        var together = 0;
        await using var test = new GuardUnderTest(async (message, process) =>
        {
            var now = Interlocked.Increment(ref running);
            if (process.Number > 1)
                together = Math.Max(together, now);
            else if (Body(message) == "first")
                process.Die();
            await Task.Delay(2); // long enough for a neighbour to be seen, if one runs beside it
            Interlocked.Decrement(ref running);
            return WorkVerdict.Done;
        });

        // All eight are in hand when the first ends the process: all eight come back as suspects.
        test.Add("first");
        for (var i = 0; i < 7; i++)
            test.Add("bystander");
        await test.RunAsync(() => test.Stream.Left == 0);
        Assert.Equal(1, together);
        Assert.Empty(await test.LettersAsync());
    }

    [Fact]
    public async Task An_outage_dead_letters_nothing_and_is_tried_gently_and_then_all_goes_on()
    {
        var away = true;
        var calls = 0;
        await using var test = new GuardUnderTest((_, _) =>
        {
            Interlocked.Increment(ref calls);
            return away ? throw new HttpRequestException("away") : ValueTask.FromResult(WorkVerdict.Done);
        });
        for (var i = 0; i < 200; i++)
            test.Add($"m{i}");
        var began = test.Time.GetUtcNow();
        await test.RunAsync(() => test.Time.GetUtcNow() - began > TimeSpan.FromMinutes(10), stop: false);
        Assert.Empty(await test.LettersAsync());
        Assert.InRange(calls, 20, 100);
        away = false;
        began = test.Time.GetUtcNow();
        await test.RunAsync(() => test.Stream.Left == 0);
        Assert.Empty(await test.LettersAsync());
        Assert.Equal(200, test.Starts.Count);

        // One probe half a minute at the most, then all that was given back for the outage's pause; not one by one.
        Assert.InRange((test.Time.GetUtcNow() - began).TotalMinutes, 0, 10);
    }

    [Fact]
    public async Task After_an_outage_a_message_that_fails_alone_is_poison_again()
    {
        var away = true;
        await using var test = new GuardUnderTest((message, _) =>
            away || Body(message) == "poison" ? throw new HttpRequestException("away") : ValueTask.FromResult(WorkVerdict.Done));
        for (var i = 0; i < 30; i++)
            test.Add($"m{i}");
        var began = test.Time.GetUtcNow();
        await test.RunAsync(() => test.Time.GetUtcNow() - began > TimeSpan.FromMinutes(1), stop: false);
        away = false;
        await test.RunAsync(() => test.Stream.Left == 0, stop: false);
        test.Add("poison");
        began = test.Time.GetUtcNow();
        await test.RunAsync(() => test.Stream.Left == 0);
        Assert.InRange((test.Time.GetUtcNow() - began).TotalMinutes, 0, 1);
        Assert.Equal("poison", Encoding.UTF8.GetString(Assert.Single(await test.LettersAsync()).Body.Span));
        Assert.Equal(3, test.Starts["poison"]);
    }

    [Fact]
    public async Task A_full_queue_leaves_the_original_and_takes_it_when_there_is_room()
    {
        await using var test = new GuardUnderTest(
            (message, _) => Body(message) == "good" ? ValueTask.FromResult(WorkVerdict.Done) : throw new InvalidOperationException("bad"));
        await test.House.Publisher.PublishAsync(test.House.Letter("big", Queue) with { Body = new byte[(1 << 20) - 120] }, Token);
        test.Add("bad");
        test.Add("good");
        await test.RunAsync(() => test.Starts.GetValueOrDefault("bad") == 3 && test.Stream.Left == 1, stop: false);
        var until = test.Time.GetUtcNow() + TimeSpan.FromMinutes(3);
        await test.RunAsync(() => test.Time.GetUtcNow() > until, stop: false);
        Assert.Equal(1, test.Stream.Left);
        Assert.Equal(3, test.Starts["bad"]);
        Assert.All(test.Alerts, alert => Assert.Equal((Queue, DeadLetterReasons.QueueFull), (alert.Queue, alert.Reason)));
        Assert.InRange(test.Alerts.Count, 3, 4);

        await test.House.Publisher.CloseAsync(Queue, "big", "room", Token);
        await test.RunAsync(() => test.Stream.Left == 0);
        var letter = Assert.Single(await test.LettersAsync());
        Assert.Equal("System.InvalidOperationException", letter.ErrorType);
        Assert.Equal(3, test.Starts["bad"]);
    }

    [Fact]
    public async Task An_original_that_comes_back_after_its_letter_was_closed_makes_no_second_letter()
    {
        await using var test = new GuardUnderTest((_, _) => throw new PermanentException("never"), seed: 3);
        using var stored = new MetricCollector<long>(
            test.House.Services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), "Topology.Dlq", "dlq_messages_total");
        test.Stream.ForgetsDeliveries = true;
        for (var i = 0; i < 60; i++)
        {
            test.Add($"m{i}");
            test.Stream.Forgets.Add((ulong)i + 1);
        }

        Task DiscardAsync() => test.House.Store.DiscardAsync(new(Queue), "seen", Token).AsTask();
        await test.RunAsync(() => test.Stream.Left == 0, eachStep: DiscardAsync);
        await DiscardAsync();

        // Also one that was discarded between its letter and its mark.
        Assert.Equal(60, stored.GetMeasurementSnapshot().Sum(measurement => measurement.Value));
        Assert.All(test.Starts, start => Assert.InRange(start.Value, 2, int.MaxValue)); // each really came back
        var marks = await test.Provider.ReadMarksAsync(Queue, Token).ToListAsync(Token);
        Assert.Equal((60, 60), (marks.Count, marks.Count(mark => mark.Closed is not null)));
        Assert.Empty(await test.LettersAsync());
    }

    [Fact]
    public async Task An_original_that_comes_back_after_its_transfer_is_not_started_again()
    {
        await using var test = new GuardUnderTest((_, _) => ValueTask.FromResult(WorkVerdict.DeadLetter("bad")));
        test.Stream.Forgets.Add(1);
        test.Add("a");
        await test.RunAsync(() => test.Stream.Left == 0);
        Assert.Equal(1, test.Starts["a"]);
        Assert.Single(await test.LettersAsync());
    }

    [Theory]
    [InlineData(1, false, 2, 1)]
    [InlineData(2, false, 1, 1)]
    [InlineData(1, true, 1, 0)]
    public async Task A_try_that_was_taken_for_the_first_counts_on_top_of_those_before_it(int before, bool transferred, int starts, int letters)
    {
        await using var test = new GuardUnderTest((_, _) => throw new InvalidOperationException("bad"));
        await test.Provider.TryWriteMarkAsync(new() { Queue = Queue, Id = FirstLetterId, Starts = before, Failures = before, Transferred = transferred }, Token);
        test.Add("a");
        await test.RunAsync(() => test.Stream.Left == 0);
        Assert.Equal(starts, test.Starts["a"]);
        Assert.Equal((letters, letters * 3), ((await test.LettersAsync()).Count, (await test.LettersAsync()).Sum(letter => letter.Attempts)));
    }

    [Fact]
    public async Task An_old_original_that_comes_back_as_new_after_its_letter_has_aged_out_makes_no_second_letter()
    {
        await using var test = new GuardUnderTest((_, _) => throw new PermanentException("never"));
        test.Add("a");
        test.Time.Advance(TimeSpan.FromDays(5)); // of the seven that the queue keeps a letter
        await test.Provider.TryWriteMarkAsync(new() { Queue = Queue, Id = FirstLetterId, Starts = 1, Failures = 1, Transferred = true }, Token);
        await test.RunAsync(() => test.Stream.Left == 0);
        Assert.Equal(1, test.Starts["a"]);
        Assert.Empty(await test.LettersAsync());
    }

    [Fact]
    public async Task An_original_that_comes_back_after_it_was_set_aside_is_passed_over()
    {
        await using var test = new GuardUnderTest((_, _) => ValueTask.FromResult(WorkVerdict.RetryAfter(TimeSpan.FromMinutes(1))));
        test.Stream.SetsAside = true;
        test.Stream.Forgets.Add(1);
        test.Add("a");
        await test.RunAsync(() => test.Stream.Left == 0);
        Assert.Equal((1, 1), (test.Starts["a"], test.Stream.SetAside));
        var mark = Assert.Single(await test.Provider.ReadMarksAsync(Queue, Token).ToListAsync(Token));
        Assert.Equal((true, 1, 1), (mark.SetAside, mark.Starts, mark.Failures));
    }

    [Fact]
    public async Task A_handler_that_is_told_to_stop_gives_its_message_back_uncounted_however_often()
    {
        await using var test = new GuardUnderTest(async (_, process) =>
        {
            await Task.Delay(Timeout.Infinite, process.Stopping);
            return WorkVerdict.Done;
        });
        test.Add("a");
        for (var i = 1; i <= 10; i++)
            await test.RunAsync(() => test.Starts.GetValueOrDefault("a") == i);
        Assert.Empty(await test.LettersAsync());
        Assert.Equal(1, test.Stream.Left);
        Assert.All(await test.Provider.ReadMarksAsync(Queue, Token).ToListAsync(Token), mark => Assert.Equal(0, mark.Starts));
    }

    [Fact]
    public async Task Nothing_new_is_taken_from_the_moment_the_host_says_that_it_stops()
    {
        await using var test = new GuardUnderTest((_, _) => ValueTask.FromResult(WorkVerdict.Done));
        test.Add("a");
        await test.RunAsync(() => test.Stream.Left == 0, stop: false);
        test.Lifetime.StopApplication();
        test.Add("b");
        var until = test.Time.GetUtcNow() + TimeSpan.FromMinutes(1);
        await test.RunAsync(() => test.Time.GetUtcNow() > until, stop: false);
        Assert.Equal(1, test.Stream.Left);
    }

    [Fact]
    public async Task A_stop_ends_although_a_verdict_waits_for_a_server_that_never_comes_back()
    {
        await using var test = new GuardUnderTest((_, process) =>
        {
            process.Die(); // for whoever asks for queue or stream from here on
            return ValueTask.FromResult(WorkVerdict.DeadLetter("bad"));
        });
        test.Add("a");
        await test.RunAsync(() => test.Starts.ContainsKey("a"), stop: false);
        await test.StopPatientlyAsync();
        Assert.Equal(1, test.Stream.Left);
    }

    [Fact]
    public async Task A_process_that_stood_still_and_comes_back_harms_nothing()
    {
        var still = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var test = new GuardUnderTest(async (_, process) =>
        {
            if (process.Number == 1)
                await still.Task;
            return WorkVerdict.Done;
        });
        for (var i = 0; i < 60; i++)
            test.Add($"m{i}");
        await test.RunAsync(() => test.Starts.Count >= 16, stop: false);
        test.StandStill();
        await test.RunAsync(() => test.Stream.Left == 0, stop: false);
        still.SetResult();
        test.GoOn();
        var until = test.Time.GetUtcNow() + TimeSpan.FromMinutes(2);
        await test.RunAsync(() => test.Time.GetUtcNow() > until);
        Assert.Empty(await test.LettersAsync());
        Assert.Equal(0, test.Stream.Left);
        Assert.Equal(60, test.Starts.Count);
    }

    private static string FirstLetterId =>
        DeadLetterId.Of("STREAM", DateTimeOffset.UnixEpoch.UtcTicks.ToString(System.Globalization.CultureInfo.InvariantCulture), "1", "worker");

    private static string Body(WorkMessage message) => Encoding.UTF8.GetString(message.Body.Span);
}
