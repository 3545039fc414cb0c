using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.TestKit;

namespace Topology.Saga.JetStream.Tests;

/// <summary>Starts, wake-ups, take-overs and rolling deploys between processes.</summary>
public sealed class OwnershipTests(NatsFixture nats)
{
    private static readonly bool _isFull = Environment.GetEnvironmentVariable("TOPOLOGY_FULL") == "1";

    private readonly ConcurrentQueue<string> _log = new();
    private readonly string _prefix = JetStreamSagas.NewPrefix();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_start_is_visible_at_once_is_the_same_the_second_time_and_can_be_cancelled_before_anybody_ran_it()
    {
        var definition = Logged("d");
        await using var client = await SagaProcess.StartAsync(nats.Connection, _prefix);
        await using var known = await SagaProcess.StartAsync(nats.Connection, _prefix, definition, more: services => services.Configure<SagaOptions>(saga => saga.MaxConcurrentSagas = 1));
        await known.StopAsync();
        var id = await known.Client.StartAsync(definition, "1", "input", cancellationToken: Token);
        Assert.Equal(SagaStatus.Running, (await known.Client.GetAsync(id, Token))!.Status);
        Assert.Equal(id, await known.Client.StartAsync(definition, "1", "input", cancellationToken: Token));
        await Assert.ThrowsAsync<SagaConflictException>(() => known.Client.StartAsync(definition, "1", "other", cancellationToken: Token).AsTask());
        await known.Client.CancelAsync(id, "changed my mind", cancellationToken: Token);

        await using var worker = await SagaProcess.StartAsync(nats.Connection, _prefix, definition);
        await worker.UntilAsync(id, SagaStatus.Cancelled);
        Assert.Empty(_log);
    }

    [Fact]
    public async Task A_start_of_a_saga_that_has_a_journal_already_is_not_run_as_a_fresh_one()
    {
        var definition = Logged("d");
        await using var process = await SagaProcess.StartAsync(nats.Connection, _prefix, definition);
        var id = new SagaId("d", "1");
        await process.Journal.AppendAsync(
            id, 0, new(Guid.NewGuid(), [new SagaEvent.Started(definition.Hash, "-", SagaValue.None, null), new SagaEvent.Claimed("other", false), new SagaEvent.Settled(SagaStatus.Completed)]), Token);
        Assert.True(await process.Get<ISagaDispatcher>().TryStartAsync(new(id, definition.Hash, "-", SagaValue.None), Token));
        var jetStream = new NatsJSContext(nats.Connection);
        await Until.Value(
            async () => (await jetStream.GetConsumerAsync($"{_prefix.ToUpperInvariant()}_ITEMS", "d", Token)).Info,
            consumer => consumer is { NumPending: 0, NumAckPending: 0 } && consumer.AckFloor.StreamSeq > 0,
            cancellationToken: Token);
        Assert.Empty(_log);
        Assert.Single(await process.Journal.ReadAsync(id, 0, Token));
    }

    [Theory]
    [InlineData(120_000)]
    [InlineData(100)]
    public async Task A_start_that_comes_again_starts_nothing_whether_the_server_still_knows_its_duplicates_or_not(int windowMilliseconds)
    {
        var jetStream = new NatsJSContext(nats.Connection);
        await jetStream.CreateStreamAsync(
            new StreamConfig($"{_prefix.ToUpperInvariant()}_ITEMS", [$"{_prefix}.item.>", $"{_prefix}.inbox.>", $"{_prefix}.clock"])
            {
                Discard = StreamConfigDiscard.New,
                AllowDirect = true,
                AllowRollupHdrs = true,
                DuplicateWindow = TimeSpan.FromMilliseconds(windowMilliseconds),
            },
            Token);
        var definition = Logged("d");
        await using var process = await SagaProcess.StartAsync(nats.Connection, _prefix, definition);
        var id = await process.Client.StartAsync(definition, "1", "input", cancellationToken: Token);
        await process.UntilAsync(id, SagaStatus.Completed);
        if (windowMilliseconds < 1_000)
        {
            // Over for whatever is older when it is over for what comes now.
            Assert.False((await ProbeAsync()).Duplicate);
            await Until.True(async () => !(await ProbeAsync()).Duplicate, cancellationToken: Token);
        }

        Assert.Equal(id, await process.Client.StartAsync(definition, "1", "input", cancellationToken: Token));
        await Assert.ThrowsAsync<SagaConflictException>(() => process.Client.StartAsync(definition, "1", "other", cancellationToken: Token).AsTask());

        // Also for a process that has not seen the journal's first entry: the start itself is refused.
        Assert.False(await process.Get<ISagaDispatcher>().TryStartAsync(new(id, definition.Hash, "-", SagaValue.None), Token));
        Assert.Equal(["a"], _log);
        Assert.Single((await process.EventsAsync(id)).OfType<SagaEvent.Started>());

        async Task<PubAckResponse> ProbeAsync() =>
            await jetStream.PublishAsync($"{_prefix}.item.probe", "x", opts: new() { MsgId = "probe" }, cancellationToken: Token);
    }

    [Fact]
    public async Task An_item_of_an_owner_that_has_gone_silent_is_another_ones_and_one_that_is_held_long_is_not()
    {
        await using var first = new JetStreamSagas(nats.Connection, _prefix, options => options.AckWait = TimeSpan.FromSeconds(1));
        await using var second = new JetStreamSagas(nats.Connection, _prefix, options => options.AckWait = TimeSpan.FromSeconds(1));
        await first.Dispatcher.WakeAsync(new("d", "held"), Token);
        await first.Dispatcher.WakeAsync(new("d", "lost"), Token);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var leases = new List<ISagaLease>();
        await foreach (var lease in first.Dispatcher.LeaseAsync(new HashSet<string> { "d" }, () => 10, () => { }, Token))
        {
            leases.Add(lease);
            if (leases.Count == 2)
            {
                break;
            }
        }

        var lost = leases.Single(lease => lease.SagaId.Value == "lost");
        lost.Dispose();
        var taken = new ConcurrentQueue<ISagaLease>();
        var taking = Task.Run(async () =>
        {
            await foreach (var lease in second.Dispatcher.LeaseAsync(new HashSet<string> { "d" }, () => 10, () => { }, stop.Token))
            {
                taken.Enqueue(lease);
                await lease.CompleteAsync(Token);
            }
        }, Token);
        await Until.True(() => !taken.IsEmpty, cancellationToken: Token);
        Assert.Equal(lost.ItemId, taken.Single().ItemId);

        // Three more leases' worth of time: each is seen to pass by an item that is put back.
        for (var i = 0; i < 3; i++)
        {
            await second.Dispatcher.SetTimerAsync(new("d", $"timer-{i}"), "s", TimeSpan.FromSeconds(1), Token);
            await Until.True(() => taken.Any(lease => lease.SagaId.Value == $"timer-{i}"), cancellationToken: Token);
        }

        Assert.DoesNotContain(taken, lease => lease.SagaId.Value == "held");
        leases.Single(lease => lease.SagaId.Value == "held").Dispose();
        await Until.True(() => taken.Any(lease => lease.SagaId.Value == "held"), cancellationToken: Token);
        await stop.CancelAsync();
        await taking;
    }

    [Fact]
    public async Task A_worker_without_a_free_slot_leaves_items_to_others()
    {
        await using var full = new JetStreamSagas(nats.Connection, _prefix);
        await using var idle = new JetStreamSagas(nats.Connection, _prefix);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var (beats, taken) = (0, new ConcurrentQueue<string>());
        var none = Task.Run(() => TakeAsync(full, () => 0, () => Interlocked.Increment(ref beats), "full"), Token);
        await Until.True(() => Volatile.Read(ref beats) > 3, cancellationToken: Token);
        for (var i = 0; i < 20; i++)
        {
            await full.Dispatcher.WakeAsync(new("d", $"{i}"), Token);
        }

        var all = Task.Run(() => TakeAsync(idle, () => 20, () => { }, "idle"), Token);
        await Until.True(() => taken.Count == 20, cancellationToken: Token);
        Assert.All(taken, who => Assert.Equal("idle", who));
        await stop.CancelAsync();
        await Task.WhenAll(none, all);

        async Task TakeAsync(JetStreamSagas sagas, Func<int> free, Action beat, string who)
        {
            await foreach (var lease in sagas.Dispatcher.LeaseAsync(new HashSet<string> { "d" }, free, beat, stop.Token))
            {
                taken.Enqueue(who);
                await lease.CompleteAsync(Token);
            }
        }
    }

    [Fact]
    public async Task A_signal_between_the_waiting_entry_and_the_ack_is_never_lost()
    {
        var count = _isFull ? 10_000 : 200;
        var definition = SagaDefinition.Create<string>("d").WaitForSignal<int>("w", "go", TimeSpan.FromDays(1)).Build();
        SagaProcess? process = null;
        await using (process = await SagaProcess.StartAsync(
            nats.Connection, _prefix, definition, more: services => services.AddSingleton<ISagaObserver>(new OnWaiting(async id => await process!.Client.SignalAsync(id, "go", 1, Token)))))
        {
            var ids = new ConcurrentBag<SagaId>();
            await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Token }, async (n, token) =>
                ids.Add(await process.Client.StartAsync(definition, $"{n}", "input", cancellationToken: token)));
            foreach (var id in ids)
            {
                await process.UntilAsync(id, SagaStatus.Completed);
            }
        }
    }

    [Fact]
    public async Task Signals_to_a_saga_inside_a_long_step_cost_it_no_owner()
    {
        var signals = _isFull ? 1_000 : 100;
        var finish = new TaskCompletionSource();
        var definition = SagaDefinition.Create<string>("d")
            .Step("long", async (_, token) => await Task.WhenAll(finish.Task, Task.Delay(TimeSpan.FromSeconds(_isFull ? 20 : 0), token)).WaitAsync(token), new() { Timeout = TimeSpan.FromMinutes(10) })
            .WaitForSignal<int>("w", "go", TimeSpan.FromDays(1)).Build();
        await using var first = await SagaProcess.StartAsync(nats.Connection, _prefix, definition);
        await using var second = await SagaProcess.StartAsync(nats.Connection, _prefix, definition);
        var id = await first.Client.StartAsync(definition, "1", "input", cancellationToken: Token);
        await Until.True(async () => (await first.EventsAsync(id)).Count > 0, cancellationToken: Token);
        await Parallel.ForEachAsync(Enumerable.Range(0, signals), Token, async (n, token) => await first.Client.SignalAsync(id, "go", n, token));
        await Until.True(async () => (await first.EventsAsync(id)).OfType<SagaEvent.MessageTaken>().Count() == signals, TimeSpan.FromMinutes(2), Token);
        finish.SetResult();
        await first.UntilAsync(id, SagaStatus.Completed);
        Assert.Single((await first.EventsAsync(id)).OfType<SagaEvent.Claimed>());
    }

    [Fact]
    public async Task In_a_rolling_deploy_of_a_changed_definition_no_saga_is_run_by_the_wrong_one_and_none_is_parked()
    {
        var (old, changed) = (Versioned("old"), Versioned("new", "added"));
        Assert.NotEqual(old.Hash, changed.Hash);
        var ids = new List<(SagaId Id, string Version)>();
        await using var first = await SagaProcess.StartAsync(nats.Connection, _prefix, old);
        await using var second = await SagaProcess.StartAsync(nats.Connection, _prefix, old);
        await StartAsync(first, old, "old", 0);
        await using var third = await SagaProcess.StartAsync(nats.Connection, _prefix, changed);
        await StartAsync(second, old, "old", 20);
        await StartAsync(third, changed, "new", 40);
        await second.StopAsync();
        await using var fourth = await SagaProcess.StartAsync(nats.Connection, _prefix, changed);
        await StartAsync(fourth, changed, "new", 60);

        foreach (var (id, version) in ids)
        {
            await (version == "old" ? first : fourth).UntilAsync(id, SagaStatus.Completed, TimeSpan.FromMinutes(2));
        }

        Assert.All(ids, saga => Assert.All(_log.Where(entry => entry.EndsWith($" {saga.Id.Value}", StringComparison.Ordinal)), entry => Assert.StartsWith(saga.Version, entry, StringComparison.Ordinal)));

        // A step that was cut off when its process stopped has run again.
        Assert.Equal(20 * (2 + 2 + 3 + 3), _log.Distinct().Count());

        async Task StartAsync(SagaProcess process, SagaDefinition<string> definition, string version, int from)
        {
            for (var i = from; i < from + 20; i++)
            {
                ids.Add((await process.Client.StartAsync(definition, $"s{i}", "input", cancellationToken: Token), version));
            }
        }
    }

    private SagaDefinition<string> Logged(string name) => SagaDefinition.Create<string>(name).Step("a", (_, _) =>
    {
        _log.Enqueue("a");
        return default;
    }).Build();

    private SagaDefinition<string> Versioned(string version, string? more = null)
    {
        var builder = SagaDefinition.Create<string>("deployed");
        foreach (var step in new[] { "a", more, "b" }.OfType<string>())
        {
            builder.Step(step, async (context, token) =>
            {
                _log.Enqueue($"{version} {context.StepId} {context.SagaId.Value}");
                await Task.Delay(20, token);
            });
        }

        return builder.Build();
    }

    private sealed class OnWaiting(Func<SagaId, Task> act) : ISagaObserver
    {
        public async ValueTask OnAppendedAsync(SagaId id, long version, SagaEntry entry, CancellationToken cancellationToken)
        {
            if (entry.Events[^1] is SagaEvent.Waiting)
            {
                await act(id);
            }
        }
    }
}
