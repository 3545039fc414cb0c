using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Topology.TestKit;

namespace Topology.Saga.Tests;

/// <summary>Cancellations and deadlines that come where one would not expect them.</summary>
public sealed class TurningBackTests
{
    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Cancelled_while_it_waits_undoes_what_came_before()
    {
        var definition = Waiting();
        await using var host = await SagaTestHost.StartAsync(new(_time), definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(id, saga => saga.Status == SagaStatus.Waiting);

        await host.Client.CancelAsync(id, "no longer wanted", cancellationToken: Token);

        Assert.Equal(SagaStatus.Compensated, (await host.Client.WaitAsync(id, Token)).Status);
        Assert.Equal(["undo:a"], host.World.Log);
    }

    [Fact]
    public async Task Cancelled_after_nothing_but_waits_is_cancelled_and_not_compensated()
    {
        var definition = SagaDefinition.Create<string>("s").WaitForSignal<int>("one", "one", TimeSpan.FromHours(1)).WaitForSignal<int>("two", "two", TimeSpan.FromHours(1))
            .Step("a", static (_, _) => default).Build();
        await using var host = await SagaTestHost.StartAsync(new(_time), definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.Client.SignalAsync(id, "one", 1, Token);
        await host.UntilAsync(id, saga => saga is { Status: SagaStatus.Waiting } && saga.Steps[0].Status == SagaStepStatus.Completed);

        await host.Operator.CancelAsync(id, "ada", "no longer wanted", cancellationToken: Token);

        var saga = await host.UntilAsync(id, now => now.IsSettled);
        Assert.Equal((SagaStatus.Cancelled, "no longer wanted"), (saga.Status, saga.Reason));
        var taken = (await host.World.EventsAsync(id)).OfType<SagaEvent.MessageTaken>().Select(e => e.Message).OfType<SagaMessage.Cancellation>();
        Assert.Equal("ada", Assert.Single(taken).Actor);
    }

    [Fact]
    public async Task A_wait_whose_owner_was_lost_counts_as_untried()
    {
        var definition = SagaDefinition.Create<string>("s").WaitForSignal<int>("w", "go", TimeSpan.FromHours(1)).Step("a", static (_, _) => default).Build();
        var world = new SagaWorld(_time);
        var id = new SagaId("s", "1");
        await world.Dispatcher.TryStartAsync(new(id, definition.Hash, "-", SagaValue.FromJson("\"input\""u8.ToArray())), Token);

        // Somebody claimed the saga under its start item, came no further, and the item is handed out again.
        await world.Journal.AppendAsync(
            id, 0, new(Guid.NewGuid(), [new SagaEvent.Started(definition.Hash, "-", SagaValue.FromJson("\"input\""u8.ToArray()), null), new SagaEvent.Claimed("start-1", false)]), Token);
        await world.Inbox.PostAsync(id, new SagaMessage.Cancellation(true, "ada", "stop"), Token);
        await using var host = await SagaTestHost.StartAsync(world, definition, ["a"]);

        Assert.Equal(SagaStatus.Cancelled, (await host.Client.WaitAsync(id, Token)).Status);
        Assert.Contains(await world.EventsAsync(id), e => e is SagaEvent.Claimed { Redelivered: true });
    }

    [Fact]
    public async Task Of_two_cancellations_the_first_counts()
    {
        var definition = Waiting();
        var world = new SagaWorld(_time);
        await using (var first = await SagaTestHost.StartAsync(world, definition, ["a"]))
        {
            await first.UntilAsync(await first.Client.StartAsync(definition, "1", "input", null, Token), saga => saga.Status == SagaStatus.Waiting);
        }

        var id = new SagaId("s", "1");
        await world.Inbox.PostAsync(id, new SagaMessage.Cancellation(true, "ada", "first"), Token);
        await world.Inbox.PostAsync(id, new SagaMessage.Cancellation(false, "bob", "second"), Token);
        await world.Dispatcher.WakeAsync(id, Token);
        await using var host = await SagaTestHost.StartAsync(world, definition, ["a"]);
        var saga = await host.Client.WaitAsync(id, Token);

        Assert.Equal(SagaStatus.Compensated, saga.Status);
        Assert.Contains("ada: first", saga.Failure!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancelled_while_it_is_being_undone_changes_nothing()
    {
        var gate = new TaskCompletionSource();
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Step("b", static (_, _) => throw new SagaRejectedException("no")).Build();
        await using var host = await SagaTestHost.StartAsync(new(_time), definition, configure: services =>
        {
            services.AddSingleton(gate);
            services.AddSagaCompensation<GatedUndo>("gated");
            services.Configure<SagaCompensationTableOptions>("s", table => table.Steps.Add(new() { StepId = "a", CompensationAction = new() { Type = "gated", RetryCount = 1 } }));
        });
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(id, saga => saga.Status == SagaStatus.Compensating);

        await host.Client.CancelAsync(id, "stop undoing", compensate: false, Token);
        await Until.Value(() => host.World.EventsAsync(id), events => events.Exists(e => e is SagaEvent.MessageTaken), cancellationToken: Token);
        gate.SetResult();
        var saga = await host.UntilAsync(id, saga => saga.IsSettled, TimeSpan.FromSeconds(1));

        Assert.Equal(SagaStatus.Compensated, saga.Status);
        Assert.True(saga.Failure!.Rejected);
        Assert.Equal(["failed", "undone"], host.World.Log);
    }

    [Fact]
    public async Task Cancelled_while_it_is_parked_undoes_what_was_done()
    {
        var world = new SagaWorld();
        var definition = Waiting();
        var id = new SagaId("s", "1");
        await world.Dispatcher.TryStartAsync(new(id, definition.Hash, "-", SagaValue.FromJson("\"input\""u8.ToArray())), Token);
        await world.Journal.AppendAsync(id, 0, new(Guid.NewGuid(), [
            new SagaEvent.Started(definition.Hash, "-", SagaValue.FromJson("\"input\""u8.ToArray()), null), new SagaEvent.Claimed("gone", false),
            new SagaEvent.StepCompleted("a", SagaValue.None), new SagaEvent.Settled(SagaStatus.Parked, "owners lost")]), Token);
        await using var host = await SagaTestHost.StartAsync(world, definition, ["a"]);
        Assert.Equal(SagaStatus.Parked, (await host.Client.GetAsync(id, Token))!.Status);

        await host.Client.CancelAsync(id, "give up", cancellationToken: Token);
        await host.UntilAsync(id, saga => saga.Status == SagaStatus.Compensated);

        Assert.Equal(["undo:a"], world.Log);
    }

    [Fact]
    public async Task A_deadline_between_two_tries_ends_the_wait_for_the_next()
    {
        var tries = 0;
        var definition = SagaDefinition.Create<string>("s").Step("a", (_, _) =>
        {
            tries++;
            throw new SlowDownException();
        }, new() { MaxAttempts = 100 }).Deadline(TimeSpan.FromMinutes(1)).Build();
        await using var host = await SagaTestHost.StartAsync(new(_time), definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);

        var saga = await host.UntilAsync(id, saga => saga.IsSettled, TimeSpan.FromSeconds(1));

        Assert.Equal(SagaStatus.Compensated, saga.Status);
        Assert.Contains("deadline", saga.Failure!.Message, StringComparison.Ordinal);
        Assert.True(tries < 100);
    }

    [Fact]
    public async Task A_deadline_that_has_passed_while_nobody_was_there_counts()
    {
        var world = new SagaWorld(_time);
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).WaitForSignal<int>("w", "go", TimeSpan.FromDays(9))
            .Deadline(TimeSpan.FromHours(1)).Build();
        await using (var first = await SagaTestHost.StartAsync(world, definition, ["a"]))
        {
            await first.UntilAsync(await first.Client.StartAsync(definition, "1", "input", null, Token), saga => saga.Status == SagaStatus.Waiting);
        }

        _time.Advance(TimeSpan.FromHours(2));
        await using var second = await SagaTestHost.StartAsync(world, definition, ["a"]);
        await second.Client.SignalAsync(new("s", "1"), "go", 1, Token);

        Assert.Equal(SagaStatus.Compensated, (await second.Client.WaitAsync(new("s", "1"), Token)).Status);
        Assert.Equal(["undo:a"], world.Log);
    }

    private static SagaDefinition<string> Waiting() =>
        SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).WaitForSignal<int>("w", "go", TimeSpan.FromHours(1)).Build();

    private sealed class SlowDownException : Exception;

    private sealed class GatedUndo(TaskCompletionSource gate, SagaWorld world) : ISagaCompensation
    {
        public async ValueTask CompensateAsync(SagaCompensationContext context, CancellationToken cancellationToken)
        {
            await gate.Task.WaitAsync(cancellationToken);
            world.Log.Enqueue(context.Attempt == 1 ? "failed" : "undone");
            _ = context.Attempt == 1 ? throw new SlowDownException() : 0;
        }
    }
}
