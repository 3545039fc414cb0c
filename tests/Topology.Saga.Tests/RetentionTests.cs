using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;
using Topology.Saga.Internal;

namespace Topology.Saga.Tests;

/// <summary>What is kept of a saga after its end, for how long, and what a tombstone answers.</summary>
public sealed class RetentionTests
{
    private static readonly SagaDefinition<string> _definition = SagaDefinition.Create<string>("s")
        .Step("a", static (context, _) => context.Input == "bad" ? throw new ArgumentException("bug") : default)
        .Build();

    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_history_of_an_ended_saga_gives_way_to_a_tombstone_with_its_status()
    {
        var world = new SagaWorld(_time);
        await using var host = await SagaTestHost.StartAsync(world, _definition, ["a"]);
        var (good, bad) = (await EndAsync(host, "1", "good"), await EndAsync(host, "2", "bad"));

        await SweepAfterAsync(host, TimeSpan.FromHours(23));
        Assert.True((await world.EventsAsync(good)).Count > 1);

        await SweepAfterAsync(host, TimeSpan.FromHours(2));
        Assert.IsType<SagaEvent.Tombstone>(Assert.Single(await world.EventsAsync(good)));
        Assert.IsType<SagaEvent.Tombstone>(Assert.Single(await world.EventsAsync(bad)));
        Assert.Null(await world.Dispatcher.FindStartAsync(good, Token));
        var snapshot = (await host.Client.GetAsync(good, Token))!;
        Assert.Equal((SagaStatus.Completed, "-", true), (snapshot.Status, snapshot.Tenant, snapshot.IsSettled));
        Assert.Empty(snapshot.Steps);
        Assert.Equal(SagaStatus.Compensated, (await host.Client.WaitAsync(bad, Token)).Status);
    }

    [Fact]
    public async Task A_second_start_against_a_tombstone_is_the_same_saga_or_a_conflict_and_runs_nothing()
    {
        var world = new SagaWorld(_time);
        await using var host = await SagaTestHost.StartAsync(world, _definition, ["a"]);
        var id = await EndAsync(host, "1", "good");
        await SweepAfterAsync(host, TimeSpan.FromDays(2));
        var buried = (await host.Client.GetAsync(id, Token))!.Version;

        Assert.Equal(id, await host.Client.StartAsync(_definition, "1", "good", null, Token));
        var error = await Assert.ThrowsAsync<SagaConflictException>(() => host.Client.StartAsync(_definition, "1", "other", null, Token).AsTask());
        Assert.Contains("another input", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<SagaConflictException>(() => host.Client.StartAsync(_definition, "1", "good", new() { Tenant = "t" }, Token).AsTask());
        await host.Client.CancelAsync(id, "too late", cancellationToken: Token);
        Assert.Empty(await world.Inbox.ReadAsync(id, 0, mayLag: false, Token));
        Assert.Equal(buried, (await host.Client.GetAsync(id, Token))!.Version);
    }

    [Fact]
    public async Task A_late_start_item_finds_the_tombstone_and_starts_nothing()
    {
        var world = new SagaWorld(_time);
        await using var host = await SagaTestHost.StartAsync(world, _definition, ["a"]);
        var id = await EndAsync(host, "1", "good");
        await SweepAfterAsync(host, TimeSpan.FromDays(2));

        // A client that looked at the journal before it was compacted, and comes to start only now.
        Assert.True(await world.Dispatcher.TryStartAsync(new(id, _definition.Hash, "-", SagaValue.FromJson("\"good\""u8.ToArray())), Token));
        await EndAsync(host, "2", "good");

        Assert.IsType<SagaEvent.Tombstone>(Assert.Single(await world.EventsAsync(id)));
        Assert.False((await world.Journal.AppendAsync(id, 0, new(Guid.NewGuid(), [new SagaEvent.Waiting("a")]), Token)).Stored);
    }

    [Fact]
    public async Task A_tombstone_goes_after_its_life_and_then_the_id_is_as_if_never_used()
    {
        var world = new SagaWorld(_time);
        await using var host = await SagaTestHost.StartAsync(world, _definition, ["a"]);
        var id = await EndAsync(host, "1", "good");
        await SweepAfterAsync(host, TimeSpan.FromDays(2));

        await SweepAfterAsync(host, TimeSpan.FromDays(37.9));
        Assert.NotNull(await host.Client.GetAsync(id, Token));
        await SweepAfterAsync(host, TimeSpan.FromDays(0.2));

        Assert.Null(await host.Client.GetAsync(id, Token));
        Assert.Equal(SagaStatus.Compensated, (await host.Client.WaitAsync(await host.Client.StartAsync(_definition, "1", "bad", null, Token), Token)).Status);
    }

    [Fact]
    public async Task A_saga_that_waits_or_rests_is_never_deleted()
    {
        var definition = SagaDefinition.Create<string>("s")
            .Step("p", static (_, _) => default, new() { Kind = SagaStepKind.Pivot })
            .WaitForSignal<string>("w", "w", TimeSpan.FromDays(365))
            .Step("r", static (_, _) => throw new ArgumentException("bug"), new() { Kind = SagaStepKind.Retriable })
            .Build();
        var world = new SagaWorld(_time);
        await using var host = await SagaTestHost.StartAsync(world, definition);
        var waiting = await host.Client.StartAsync(definition, "1", "input", null, Token);
        var stuck = await host.Client.StartAsync(definition, "2", "input", null, Token);
        await host.Client.SignalAsync(stuck, "w", "go", Token);
        await host.Client.WaitAsync(stuck, Token);
        await host.UntilAsync(waiting, saga => saga.Status == SagaStatus.Waiting);

        await SweepAfterAsync(host, TimeSpan.FromDays(300));

        Assert.Equal(SagaStatus.Waiting, (await host.Client.GetAsync(waiting, Token))!.Status);
        Assert.Equal((SagaStatus.Stuck, 3), await host.Client.GetAsync(stuck, Token) is { } saga ? (saga.Status, saga.Steps.Count) : default);
    }

    [Fact]
    public async Task The_worker_sweeps_by_itself()
    {
        var world = new SagaWorld(_time);
        await using var host = await SagaTestHost.StartAsync(world, _definition, ["a"]);
        var id = await EndAsync(host, "1", "good");

        await host.UntilAsync(id, saga => saga.Steps.Count == 0, TimeSpan.FromMinutes(20));
        await host.UntilGoneAsync(id, TimeSpan.FromHours(6));
    }

    [Fact]
    public void Ages_that_would_let_a_late_message_start_an_ended_saga_again_end_the_start()
    {
        var validator = new SagaOptionsValidator();
        Assert.True(validator.Validate(null, new()).Succeeded);
        Assert.True(validator.Validate(null, new() { LongestLetterAge = TimeSpan.Zero, LongestStartAge = TimeSpan.Zero, TombstoneAge = TimeSpan.FromDays(1) }).Succeeded);

        Assert.Contains("TombstoneAge is 37.", validator.Validate(null, new() { TombstoneAge = TimeSpan.FromDays(37.9) }).FailureMessage, StringComparison.Ordinal);
        Assert.Contains("TombstoneAge is 38.", validator.Validate(null, new() { LongestStartAge = TimeSpan.FromDays(8) }).FailureMessage, StringComparison.Ordinal);
        Assert.Contains("HistoryAge is 00:00:59", validator.Validate(null, new() { HistoryAge = TimeSpan.FromSeconds(59) }).FailureMessage, StringComparison.Ordinal);
        Assert.Contains("RetentionPeriod is 00:00:00", validator.Validate(null, new() { RetentionPeriod = TimeSpan.Zero }).FailureMessage, StringComparison.Ordinal);
    }

    private static async Task<SagaId> EndAsync(SagaTestHost host, string value, string input)
    {
        var id = await host.Client.StartAsync(_definition, value, input, null, Token);
        await host.Client.WaitAsync(id, Token);
        return id;
    }

    private async Task SweepAfterAsync(SagaTestHost host, TimeSpan time)
    {
        _time.Advance(time);
        await host.Services.GetServices<IHostedService>().OfType<SagaRetention>().Single().SweepAsync(Token);
    }
}
