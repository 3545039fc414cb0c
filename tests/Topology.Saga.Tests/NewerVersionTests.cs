using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Topology.Saga.Tests;

/// <summary>A newer version of this package runs beside this one, and wrote what this one cannot read.</summary>
public sealed class NewerVersionTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly ConcurrentQueue<string> _log = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static SagaId Id => new("s", "1");

    [Fact]
    public async Task Its_saga_is_left_to_it_and_parked_when_its_owner_is_gone_and_nobody_else_came()
    {
        var world = new SagaWorld(_time);
        var definition = Define(hangs: true);
        await using (var first = await SagaTestHost.StartAsync(world, definition, ["a"]))
        {
            await first.Client.StartAsync(definition, "1", "input", null, Token);
            await first.UntilAsync(Id, _ => !_log.IsEmpty);
        }

        // The owner gave its item back; the newer one had it meanwhile.
        var version = await WriteAsync(world, 1, new SagaEvent.Unknown("paused"));
        await using var old = await SagaTestHost.StartAsync(world, definition, ["a"]);
        var seen = _time.GetUtcNow();
        await old.UntilAsync(Id, _ => _time.GetUtcNow() - seen > TimeSpan.FromMinutes(14), TimeSpan.FromSeconds(20));
        var saga = (await old.Client.GetAsync(Id, Token))!;
        Assert.Equal((SagaStatus.Running, version, 0), (saga.Status, saga.Version, saga.Steps.Count));

        var parked = await old.UntilAsync(Id, saga => saga.IsSettled, TimeSpan.FromSeconds(20));
        Assert.Equal(SagaStatus.Parked, parked.Status);
        Assert.Contains("'paused'", parked.Reason!, StringComparison.Ordinal);
        Assert.Equal(["a"], _log);
        Assert.Empty(world.Log);
        Assert.Equal(Id, Assert.Single(await old.Operator.ListAsync("s", cancellationToken: Token).ToListAsync(Token)).Id);
        await Assert.ThrowsAsync<SagaException>(() => old.Operator.DecideAsync(Id, new(SagaVerb.Retry, "a", "ada", "go on"), Token).AsTask());
    }

    [Fact]
    public async Task A_wake_up_of_its_saga_is_put_back_however_long_it_takes()
    {
        var world = new SagaWorld(_time);
        await world.Dispatcher.TryStartAsync(new(Id, Define(hangs: false).Hash, "-", SagaValue.FromJson("\"input\""u8.ToArray())), Token);
        await WriteAsync(world, 0, new SagaEvent.Started(Define(hangs: false).Hash, "-", SagaValue.FromJson("\"input\""u8.ToArray()), null), new SagaEvent.Claimed("newer's", false));
        var version = await WriteAsync(world, 1, new SagaEvent.Settled(SagaStatus.Waiting), new SagaEvent.Unknown("resumed"));
        await world.Inbox.PostAsync(Id, new SagaMessage.Cancellation(true, "ada", "enough"), Token);
        await using (var old = await SagaTestHost.StartAsync(world, Define(hangs: false)))
        {
            var seen = _time.GetUtcNow();
            await old.UntilAsync(Id, _ => _time.GetUtcNow() - seen > TimeSpan.FromMinutes(30), TimeSpan.FromMinutes(1));
            Assert.Equal(version, (await old.Client.GetAsync(Id, Token))!.Version);
        }

        _time.Advance(TimeSpan.FromMinutes(5));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        await foreach (var lease in world.Dispatcher.LeaseAsync(new HashSet<string> { "s" }, () => 1, static () => { }, stop.Token))
        {
            Assert.Equal(Id, lease.SagaId);
            await stop.CancelAsync();
        }

        Assert.True(stop.IsCancellationRequested);
        Assert.Empty(_log);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_saga_that_it_spoke_to_is_left_to_it_and_parked_when_nobody_came(bool waits)
    {
        var world = new SagaWorld(_time);
        var definition = waits
            ? SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).WaitForSignal<string>("w", "w", TimeSpan.FromDays(30)).Build()
            : Define(hangs: true);
        await using var old = await SagaTestHost.StartAsync(world, definition, ["a"], services => services.Configure<SagaOptions>(options => options.MaxTakeovers = 1));
        await old.Client.StartAsync(definition, "1", "input", null, Token);
        await old.UntilAsync(Id, saga => waits ? saga.Status == SagaStatus.Waiting : !_log.IsEmpty);

        await world.Inbox.PostAsync(Id, new SagaMessage.Unknown("pause"), Token);
        await world.Dispatcher.WakeAsync(Id, Token);
        var seen = _time.GetUtcNow();
        var left = await old.UntilAsync(Id, _ => _time.GetUtcNow() - seen > TimeSpan.FromMinutes(14), TimeSpan.FromSeconds(20));
        Assert.Equal(SagaStatus.Running, left.Status);

        var parked = await old.UntilAsync(Id, saga => saga.IsSettled, TimeSpan.FromSeconds(20));
        Assert.Equal(SagaStatus.Parked, parked.Status);
        Assert.Contains("'pause'", parked.Reason!, StringComparison.Ordinal);
        Assert.DoesNotContain(await world.EventsAsync(Id), static e => e is SagaEvent.MessageTaken);
        Assert.Empty(world.Log);
    }

    [Fact]
    public async Task What_it_said_to_a_saga_that_rests_stays_for_it()
    {
        var world = new SagaWorld(_time);
        var definition = Define(hangs: false);
        await world.Dispatcher.TryStartAsync(new(Id, definition.Hash, "-", SagaValue.FromJson("\"input\""u8.ToArray())), Token);
        var version = await WriteAsync(
            world, 0, new SagaEvent.Started(definition.Hash, "-", SagaValue.FromJson("\"input\""u8.ToArray()), null), new SagaEvent.Settled(SagaStatus.Parked, "for a reason"));
        await world.Inbox.PostAsync(Id, new SagaMessage.Unknown("pause"), Token);
        await using var old = await SagaTestHost.StartAsync(world, definition);
        var seen = _time.GetUtcNow();
        var saga = await old.UntilAsync(Id, _ => _time.GetUtcNow() - seen > TimeSpan.FromMinutes(30), TimeSpan.FromMinutes(1));

        Assert.Equal((version, "for a reason"), (saga.Version, saga.Reason));
        Assert.Empty(_log);
    }

    private SagaDefinition<string> Define(bool hangs) => SagaDefinition.Create<string>("s").Step("a", async (_, token) =>
    {
        _log.Enqueue("a");
        await (hangs ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token) : Task.CompletedTask);
    }).Build();

    private static async Task<long> WriteAsync(SagaWorld world, long expected, params SagaEvent[] events)
    {
        var result = await world.Journal.AppendAsync(Id, expected, new(Guid.NewGuid(), events), Token);
        Assert.True(result.Stored);
        return result.Version;
    }
}
