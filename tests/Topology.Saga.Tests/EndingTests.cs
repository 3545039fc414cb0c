using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Topology.Saga.Tests;

/// <summary>A saga that is cancelled, too late, left by its host, or by its owner.</summary>
public sealed class EndingTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Cancelled_before_any_step_was_tried_is_cancelled()
    {
        var definition = SagaDefinition.Create<string>("s").WaitForSignal<string>("w", "w", TimeSpan.FromHours(1)).Step("a", static (_, _) => default).Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(id, saga => saga.Status == SagaStatus.Waiting);

        await host.Client.CancelAsync(id, "changed my mind", cancellationToken: Token);
        var saga = await host.Client.WaitAsync(id, Token);

        Assert.Equal((SagaStatus.Cancelled, "changed my mind"), (saga.Status, saga.Reason));
        Assert.Empty(host.World.Log);
    }

    [Fact]
    public async Task Cancelled_inside_a_step_cancels_the_try_and_undoes_it_as_unknown()
    {
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Step("b", Hang).Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition, ["a", "b"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(id, saga => saga.Steps[0].Status == SagaStepStatus.Completed);

        await host.Client.CancelAsync(id, "too slow", cancellationToken: Token);
        var saga = await host.Client.WaitAsync(id, Token);

        Assert.Equal(SagaStatus.Compensated, saga.Status);
        Assert.Equal(["undo:b:unknown", "undo:a"], host.World.Log);
        Assert.Contains("too slow", saga.Failure!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancelled_without_compensation_leaves_what_was_done()
    {
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Step("b", Hang).Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition, ["a", "b"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(id, saga => saga.Steps[0].Status == SagaStepStatus.Completed);

        await host.Client.CancelAsync(id, "leave it", compensate: false, Token);

        Assert.Equal(SagaStatus.Cancelled, (await host.Client.WaitAsync(id, Token)).Status);
        Assert.Empty(host.World.Log);
    }

    [Fact]
    public async Task Cancelled_between_two_tries_does_not_wait_for_the_next()
    {
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => throw new HttpRequestException("away")).Build();
        await using var host = await SagaTestHost.StartAsync(new(new FakeTimeProvider()), definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(id, saga => saga.Version > 0);

        await host.Client.CancelAsync(id, "stop", cancellationToken: Token);

        // The clock stands still: no wait of the profile has passed.
        var saga = await host.UntilAsync(id, saga => saga.IsSettled);
        Assert.Equal(SagaStatus.Compensated, saga.Status);
        Assert.Equal(["undo:a:unknown"], host.World.Log);
    }

    [Fact]
    public async Task Past_the_pivot_a_cancellation_is_ignored()
    {
        var gate = new TaskCompletionSource();
        var definition = SagaDefinition.Create<string>("s")
            .Step("a", static (_, _) => default)
            .Step("p", static (_, _) => default, new() { Kind = SagaStepKind.Pivot })
            .Step("r", async (_, token) => await gate.Task.WaitAsync(token), new() { Kind = SagaStepKind.Retriable })
            .Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(id, saga => saga.Steps[1].Status == SagaStepStatus.Completed);

        await host.Client.CancelAsync(id, "too late", cancellationToken: Token);
        gate.SetResult();

        Assert.Equal(SagaStatus.Completed, (await host.Client.WaitAsync(id, Token)).Status);
        Assert.Empty(host.World.Log);
    }

    [Fact]
    public async Task Cancelling_a_saga_that_has_ended_changes_nothing()
    {
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        var before = await host.Client.WaitAsync(id, Token);

        await host.Client.CancelAsync(id, "too late", cancellationToken: Token);
        var another = await host.Client.StartAsync(definition, "2", "input", null, Token);
        await host.Client.WaitAsync(another, Token);

        Assert.Equal(before.Version, (await host.Client.GetAsync(id, Token))!.Version);
    }

    [Fact]
    public async Task At_the_deadline_the_running_try_is_cancelled_and_everything_undone()
    {
        var time = new FakeTimeProvider();
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Step("b", Hang, new() { Timeout = TimeSpan.FromHours(1) })
            .Deadline(TimeSpan.FromMinutes(10)).Build();
        await using var host = await SagaTestHost.StartAsync(new(time), definition, ["a", "b"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(id, saga => saga.Steps[0].Status == SagaStepStatus.Completed);

        var saga = await host.UntilAsync(id, saga => saga.IsSettled, TimeSpan.FromSeconds(30));

        Assert.Equal(SagaStatus.Compensated, saga.Status);
        Assert.Contains("deadline", saga.Failure!.Message, StringComparison.Ordinal);
        Assert.Equal(["undo:b:unknown", "undo:a"], host.World.Log);
    }

    [Fact]
    public async Task A_deadline_does_not_cut_off_the_pivot()
    {
        var time = new FakeTimeProvider();
        var gate = new TaskCompletionSource();
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default)
            .Step("p", async (_, token) => await gate.Task.WaitAsync(token), new() { Kind = SagaStepKind.Pivot, Timeout = TimeSpan.FromHours(1) })
            .Deadline(TimeSpan.FromMinutes(10)).Build();
        await using var host = await SagaTestHost.StartAsync(new(time), definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(id, saga => saga.Steps[0].Status == SagaStepStatus.Completed);

        time.Advance(TimeSpan.FromMinutes(11));
        gate.SetResult();

        Assert.Equal(SagaStatus.Completed, (await host.UntilAsync(id, saga => saga.IsSettled)).Status);
        Assert.Empty(host.World.Log);
    }

    [Fact]
    public async Task An_owner_that_is_fenced_inside_a_step_cancels_it_and_lets_go()
    {
        var world = new SagaWorld();
        var cancelled = new TaskCompletionSource();
        var definition = SagaDefinition.Create<string>("s").Step("a", async (_, token) =>
        {
            try
            {
                await Hang(null!, token);
            }
            finally
            {
                cancelled.SetResult();
            }
        }).Build();
        await using var host = await SagaTestHost.StartAsync(world, definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        var claimed = await host.UntilAsync(id, saga => saga.Version > 0);

        // Another owner writes; then news makes this one look.
        await world.Journal.AppendAsync(id, claimed.Version, new(Guid.NewGuid(), [new SagaEvent.Claimed("another", true)]), Token);
        await host.Client.CancelAsync(id, "look", cancellationToken: Token);
        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(30), Token);
        await host.StopAsync();

        Assert.DoesNotContain(await world.EventsAsync(id), e => e is SagaEvent.StepCompleted or SagaEvent.CompensationStarted);
        Assert.Empty(world.Log);
    }

    [Fact]
    public async Task A_deadline_ends_a_wait_too()
    {
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).WaitForSignal<string>("w", "w", TimeSpan.FromDays(9))
            .Deadline(TimeSpan.FromMinutes(10)).Build();
        await using var host = await SagaTestHost.StartAsync(new(new FakeTimeProvider()), definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(id, saga => saga.Status == SagaStatus.Waiting);

        var saga = await host.UntilAsync(id, saga => saga.IsSettled, TimeSpan.FromMinutes(1));

        Assert.Equal(SagaStatus.Compensated, saga.Status);
        Assert.Equal(["undo:a"], host.World.Log);
    }

    [Fact]
    public async Task A_host_that_stops_leaves_the_saga_and_another_goes_on_with_the_same_key()
    {
        var world = new SagaWorld();
        var keys = new System.Collections.Concurrent.ConcurrentQueue<string>();
        var stays = true;
        var definition = SagaDefinition.Create<string>("s")
            .Step("a", static (_, _) => default)
            .Step("b", async (context, token) =>
            {
                keys.Enqueue(context.IdempotencyKey);
                if (stays)
                {
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
                }
            })
            .Build();
        var first = await SagaTestHost.StartAsync(world, definition, ["a", "b"]);
        var id = await first.Client.StartAsync(definition, "1", "input", null, Token);
        await first.UntilAsync(id, _ => !keys.IsEmpty);
        await first.StopAsync();
        await first.DisposeAsync();
        Assert.DoesNotContain(await world.EventsAsync(id), e => e is SagaEvent.CompensationStarted);

        stays = false;
        await using var second = await SagaTestHost.StartAsync(world, definition, ["a", "b"]);
        var saga = await second.Client.WaitAsync(id, Token);

        Assert.Equal(SagaStatus.Completed, saga.Status);
        Assert.Equal(2, keys.Count);
        Assert.Single(keys.Distinct());
        Assert.Contains(await world.EventsAsync(id), e => e is SagaEvent.Claimed { Redelivered: true });
        Assert.Empty(world.Log);
    }

    [Fact]
    public async Task A_programming_error_is_tried_once_and_undone_as_unknown()
    {
        var tries = 0;
        var definition = SagaDefinition.Create<string>("s").Step("a", (_, _) =>
        {
            tries++;
            throw new ArgumentException("bug");
        }).Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);

        Assert.Equal(SagaStatus.Compensated, (await host.Client.WaitAsync(id, Token)).Status);
        Assert.Equal(1, tries);
        Assert.Equal(["undo:a:unknown"], host.World.Log);
    }

    [Fact]
    public async Task A_try_that_ignores_its_timeout_is_waited_for_and_its_late_result_counts()
    {
        var time = new FakeTimeProvider();
        var gate = new TaskCompletionSource();
        var definition = SagaDefinition.Create<string>("s").Step("a", async (_, _) => await gate.Task, new() { Timeout = TimeSpan.FromSeconds(1) }).Build();
        await using var host = await SagaTestHost.StartAsync(new(time), definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(id, saga => saga.Version > 0);

        time.Advance(TimeSpan.FromMinutes(1));
        Assert.False((await host.Client.GetAsync(id, Token))!.IsSettled);
        gate.SetResult();

        Assert.Equal(SagaStatus.Completed, (await host.UntilAsync(id, saga => saga.IsSettled)).Status);
    }

    [Fact]
    public async Task An_effect_in_progress_elsewhere_is_waited_for_and_not_tried()
    {
        var world = new SagaWorld();
        var key = new SagaEffectKey("-", new("s", "1"), "a", false, 1);
        var gate = new TaskCompletionSource();
        var elsewhere = world.Guard.ExecuteAsync(key, async () =>
        {
            await gate.Task;
            return SagaValue.None;
        }, Token);
        var tries = 0;
        var definition = SagaDefinition.Create<string>("s").Step("a", (_, _) =>
        {
            tries++;
            return default;
        }).Build();
        await using var host = await SagaTestHost.StartAsync(world, definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(id, saga => saga.Version > 0);

        gate.SetResult();
        await elsewhere;

        Assert.Equal(SagaStatus.Completed, (await host.Client.WaitAsync(id, Token)).Status);
        Assert.Equal(0, tries);
    }

    [Fact]
    public async Task An_effect_stopped_inside_and_continued_after_the_seal_can_no_longer_complete()
    {
        var world = new SagaWorld();
        var key = new SagaEffectKey("-", new("s", "1"), "a", false, 1);
        var gate = new TaskCompletionSource();
        var zombie = world.Guard.ExecuteAsync(key, async () =>
        {
            await gate.Task;
            return SagaValue.None;
        }, Token).AsTask();

        Assert.Null(await world.Guard.SealAsync(key, Token));
        gate.SetResult();

        await Assert.ThrowsAsync<SagaSealedException>(() => zombie);
        await Assert.ThrowsAsync<SagaSealedException>(() => world.Guard.ExecuteAsync(key, () => new(SagaValue.None), Token).AsTask());
    }

    [Fact]
    public async Task A_key_that_had_completed_completes_the_step_and_nothing_is_tried()
    {
        var world = new SagaWorld();
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Step("b", static (_, _) => throw new ArgumentException("bug")).Build();
        await world.Guard.ExecuteAsync(new SagaEffectKey("-", new("s", "1"), "b", false, 1), () => new(SagaValue.None), Token);

        // The record is found complete, so the step is complete: nothing is tried and nothing undone.
        await using var host = await SagaTestHost.StartAsync(world, definition, ["a", "b"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);

        Assert.Equal(SagaStatus.Completed, (await host.Client.WaitAsync(id, Token)).Status);
    }

    [Fact]
    public async Task A_saga_whose_owners_are_lost_again_and_again_is_parked_and_goes_on_when_retried()
    {
        var world = new SagaWorld(new FakeTimeProvider());
        var crashes = true;
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Build();
        await using var host = await SagaTestHost.StartAsync(world, definition, ["a"], services =>
        {
            services.Configure<SagaOptions>(options => options.MaxTakeovers = 2);
            services.AddSingleton<ISagaEffectGuard>(new CrashingGuard(world.Guard, () => crashes));
        });
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);

        var parked = await host.UntilAsync(id, saga => saga.IsSettled, TimeSpan.FromSeconds(1));
        Assert.Equal(SagaStatus.Parked, parked.Status);
        Assert.Contains("2 times", parked.Reason, StringComparison.Ordinal);

        // New input is a new key: what a lost owner did under the old one would be done twice.
        await Assert.ThrowsAsync<SagaException>(() => host.Operator.RetryWithInputAsync(definition, id, "a", "other", "ada", "typo", Token).AsTask());
        crashes = false;
        await host.Operator.DecideAsync(id, new(SagaVerb.Retry, "a", "ada", "fixed"), Token);
        Assert.Equal(SagaStatus.Completed, (await host.UntilAsync(id, saga => saga.Status == SagaStatus.Completed)).Status);
    }

    [Fact]
    public async Task A_saga_of_another_version_of_its_definition_is_left_and_parked_only_after_the_time_allowed()
    {
        var time = new FakeTimeProvider();
        var world = new SagaWorld(time);
        var old = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).WaitForSignal<string>("w", "w", TimeSpan.FromDays(30)).Build();
        var changed = SagaDefinition.Create<string>("s").Step("z", static (_, _) => default).WaitForSignal<string>("w", "w", TimeSpan.FromDays(30)).Build();
        var first = await SagaTestHost.StartAsync(world, old);
        var id = await first.Client.StartAsync(old, "1", "input", null, Token);
        await first.UntilAsync(id, saga => saga.Status == SagaStatus.Waiting);
        await first.StopAsync();
        await first.DisposeAsync();
        var unclaimed = new SagaStart(new("s", "2"), old.Hash, "-", SagaValue.FromJson("\"input\""u8.ToArray()));
        await world.Dispatcher.TryStartAsync(unclaimed, Token);

        await using var second = await SagaTestHost.StartAsync(world, changed);
        await second.UntilAsync(unclaimed.Id, _ => time.GetUtcNow() - new FakeTimeProvider().GetUtcNow() > TimeSpan.FromMinutes(14), TimeSpan.FromSeconds(20));
        Assert.Equal(0, (await second.Client.GetAsync(unclaimed.Id, Token))!.Version);
        var saga = await second.UntilAsync(unclaimed.Id, saga => saga.IsSettled, TimeSpan.FromSeconds(20));

        Assert.Equal(SagaStatus.Parked, saga.Status);
        Assert.Equal(SagaStatus.Waiting, (await second.Client.GetAsync(id, Token))!.Status);
    }

    [Fact]
    public async Task Sagas_are_listed_by_status()
    {
        var definition = SagaDefinition.Create<string>("s").Step("a", static (context, _) => context.Input == "bad" ? throw new SagaRejectedException("no") : default).Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition);
        foreach (var (value, input) in new[] { ("1", "good"), ("2", "bad"), ("3", "good") })
        {
            await host.Client.WaitAsync(await host.Client.StartAsync(definition, value, input, null, Token), Token);
        }

        var completed = new List<string>();
        await foreach (var saga in host.Operator.ListAsync("s", SagaStatus.Completed, Token))
        {
            completed.Add(saga.Id.Value);
        }

        Assert.Equal(["1", "3"], completed.Order());
    }

    [Fact]
    public async Task A_retry_keeps_the_key_and_one_with_new_input_gets_a_new_key_and_the_new_input()
    {
        var seen = new System.Collections.Concurrent.ConcurrentQueue<(string Key, string Input)>();
        var definition = SagaDefinition.Create<string>("s")
            .Step("p", static (_, _) => default, new() { Kind = SagaStepKind.Pivot })
            .Step("r", (context, _) =>
            {
                seen.Enqueue((context.IdempotencyKey, context.Input));
                return context.Input == "bad" ? throw new HttpRequestException("no") : default;
            }, new() { Kind = SagaStepKind.Retriable, MaxAttempts = 1 })
            .Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition);
        var id = await host.Client.StartAsync(definition, "1", "bad", null, Token);
        var stuck = await host.Client.WaitAsync(id, Token);
        Assert.Equal(SagaStatus.Stuck, stuck.Status);

        await host.Operator.DecideAsync(id, new(SagaVerb.Retry, "r", "ada", "again"), Token);
        await host.UntilAsync(id, saga => saga.Version > stuck.Version && saga.Status == SagaStatus.Stuck);
        await host.Operator.RetryWithInputAsync(definition, id, "r", "good", "ada", "typo", Token);
        await host.UntilAsync(id, saga => saga.Status == SagaStatus.Completed);

        Assert.Equal([("-:s%2F1:r:do:1", "bad"), ("-:s%2F1:r:do:1", "bad"), ("-:s%2F1:r:do:2", "good")], seen);
    }

    private static async ValueTask Hang(SagaStepContext<string> context, CancellationToken cancellationToken) =>
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);

    private sealed class CrashingGuard(ISagaEffectGuard inner, Func<bool> crashes) : ISagaEffectGuard
    {
        public ValueTask<SagaValue?> ExecuteAsync(SagaEffectKey key, Func<ValueTask<SagaValue?>> effect, CancellationToken cancellationToken) =>
            crashes() ? throw new InvalidOperationException("The process is gone.") : inner.ExecuteAsync(key, effect, cancellationToken);

        public ValueTask<SagaValue?> SealAsync(SagaEffectKey key, CancellationToken cancellationToken) => inner.SealAsync(key, cancellationToken);
    }
}
