using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;

namespace Topology.Saga.Tests;

/// <summary>Definitions that change while their sagas run.</summary>
public sealed class EvolutionTests
{
    private static readonly TimeSpan _allowed = TimeSpan.FromMinutes(15);
    private readonly FakeTimeProvider _time = new();
    private readonly ConcurrentQueue<string> _log = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static SagaId Id => new("s", "1");

    [Fact]
    public async Task A_waiting_saga_with_news_that_nobody_understands_is_parked_after_the_time_allowed_and_keeps_its_news()
    {
        var world = new SagaWorld(_time);
        await StartAsync(world, Old());
        await world.Inbox.PostAsync(Id, new SagaMessage.Signal("go", SagaValue.FromJson("7"u8.ToArray())), Token);
        await world.Dispatcher.WakeAsync(Id, Token);
        await using (var changed = await SagaTestHost.StartAsync(world, Changed()))
        {
            await changed.UntilAsync(Id, saga => saga.Status == SagaStatus.Running);
            var seen = _time.GetUtcNow();
            await changed.UntilAsync(Id, _ => _time.GetUtcNow() - seen > _allowed - TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(20));
            Assert.Equal(SagaStatus.Running, (await changed.Client.GetAsync(Id, Token))!.Status);

            var parked = await changed.UntilAsync(Id, saga => saga.IsSettled, TimeSpan.FromSeconds(20));
            Assert.Equal((SagaStatus.Parked, 0), (parked.Status, parked.Steps.Count));
            var error = await Assert.ThrowsAsync<SagaException>(() => changed.Operator.DecideAsync(Id, new(SagaVerb.Retry, "z", "ada", "go on"), Token).AsTask());
            Assert.Contains("another version", error.Message, StringComparison.Ordinal);
        }

        await using var host = await SagaTestHost.StartAsync(world, Old());
        await host.Operator.DecideAsync(Id, new(SagaVerb.Retry, "w", "ada", "deployed again"), Token);
        await host.UntilAsync(Id, saga => saga.Status == SagaStatus.Completed);
        Assert.Equal(["a", "b 7"], _log);
    }

    [Fact]
    public async Task During_a_deploy_a_timer_that_is_due_finds_the_worker_that_knows_the_saga()
    {
        var world = new SagaWorld(_time);
        var old = SagaDefinition.Create<string>("s").Delay("d", TimeSpan.FromHours(1)).Step("a", Say("a")).Build();
        await StartAsync(world, old);
        await using var changed = await SagaTestHost.StartAsync(world, Changed());
        _time.Advance(TimeSpan.FromHours(1));
        await changed.UntilAsync(Id, saga => saga.Status == SagaStatus.Running);

        await using var host = await SagaTestHost.StartAsync(world, old);
        await host.UntilAsync(Id, saga => saga.Status == SagaStatus.Completed, TimeSpan.FromSeconds(1));

        Assert.Equal(["a"], _log);
        Assert.DoesNotContain(await world.EventsAsync(Id), e => e is SagaEvent.Settled { Status: SagaStatus.Parked });
    }

    [Fact]
    public async Task A_late_wake_up_of_a_waiting_saga_is_dropped_by_a_worker_that_does_not_know_it()
    {
        var world = new SagaWorld(_time);
        var version = await StartAsync(world, Old());
        await world.Dispatcher.WakeAsync(Id, Token);
        await using var changed = await SagaTestHost.StartAsync(world, Changed());
        var other = await changed.Client.StartAsync(Changed(), "2", "input", null, Token);
        await changed.Client.WaitAsync(other, Token);

        Assert.Equal(version, (await changed.Client.GetAsync(Id, Token))!.Version);
    }

    [Fact]
    public async Task A_saga_whose_owner_is_gone_is_not_touched_by_a_worker_with_another_definition()
    {
        var world = new SagaWorld(_time);
        var hangs = true;
        var old = SagaDefinition.Create<string>("s").Step("a", async (_, token) =>
        {
            _log.Enqueue("a");
            await (hangs ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token) : Task.CompletedTask);
        }).Build();
        await using (var first = await SagaTestHost.StartAsync(world, old, ["a"]))
        {
            await first.Client.StartAsync(old, "1", "input", null, Token);
            await first.UntilAsync(Id, _ => !_log.IsEmpty);
        }

        hangs = false;
        await using (var changed = await SagaTestHost.StartAsync(world, Changed(), ["z"]))
        {
            var parked = await changed.UntilAsync(Id, saga => saga.IsSettled, TimeSpan.FromMinutes(1));
            Assert.Equal(SagaStatus.Parked, parked.Status);
        }

        Assert.Equal(["a"], _log);
        await using var host = await SagaTestHost.StartAsync(world, old, ["a"]);
        await host.Operator.DecideAsync(Id, new(SagaVerb.Retry, "a", "ada", "deployed again"), Token);
        await host.UntilAsync(Id, saga => saga.Status == SagaStatus.Completed);
        Assert.Equal(["a", "a"], _log);
    }

    [Fact]
    public async Task Tries_and_timeouts_may_change_in_flight()
    {
        var world = new SagaWorld(_time);
        var before = Failing(new() { MaxAttempts = 100 });
        var after = Failing(new() { MaxAttempts = 1, Timeout = TimeSpan.FromMinutes(9) });
        Assert.Equal(before.Hash, after.Hash);
        await using (var first = await SagaTestHost.StartAsync(world, before, ["a"]))
        {
            await first.Client.StartAsync(before, "1", "input", null, Token);
            await first.UntilAsync(Id, _ => _log.Count >= 3, TimeSpan.FromSeconds(10));
        }

        _log.Clear();
        await using var second = await SagaTestHost.StartAsync(world, after, ["a"]);

        Assert.Equal(SagaStatus.Compensated, (await second.Client.WaitAsync(Id, Token)).Status);
        Assert.Equal(["do"], _log);
        Assert.Equal(["undo:a:unknown"], world.Log);
    }

    private SagaDefinition<string> Failing(SagaStepOptions options) => SagaDefinition.Create<string>("s").Step("a", (_, _) =>
    {
        _log.Enqueue("do");
        throw new HttpRequestException("away");
    }, options).Build();

    private Func<SagaStepContext<string>, CancellationToken, ValueTask> Say(string what) => (_, _) =>
    {
        _log.Enqueue(what);
        return default;
    };

    private SagaDefinition<string> Old() => SagaDefinition.Create<string>("s").Step("a", Say("a")).WaitForSignal<int>("w", "go", TimeSpan.FromDays(30))
        .Step("b", (context, _) =>
        {
            _log.Enqueue($"b {context.Result<int>("w")}");
            return default;
        }).Build();

    private static SagaDefinition<string> Changed() => SagaDefinition.Create<string>("s").Step("z", static (_, _) => default).Build();

    /// <summary>Starts a saga that comes to wait, and stops its host; returns the version it has then.</summary>
    private static async Task<long> StartAsync(SagaWorld world, SagaDefinition<string> definition)
    {
        await using var host = await SagaTestHost.StartAsync(world, definition);
        await host.Client.StartAsync(definition, "1", "input", null, Token);
        return (await host.UntilAsync(Id, saga => saga.Status == SagaStatus.Waiting)).Version;
    }
}
