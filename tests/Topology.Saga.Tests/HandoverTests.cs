using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Topology.Saga.Internal;
using Topology.TestKit;

namespace Topology.Saga.Tests;

/// <summary>What one owner leaves to the next: not its losses once the saga got on, not what its stopping did to a step, and no message.</summary>
public sealed class HandoverTests
{
    private readonly ConcurrentQueue<string> _log = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static SagaId Id => new("s", "1");

    [Fact]
    public async Task A_saga_that_gets_on_may_lose_as_many_owners_again()
    {
        var world = new SagaWorld();
        var definition = SagaDefinition.Create<string>("s").Step("a", (_, token) => HangAsync("a", token)).Step("b", (_, token) => HangAsync("b", token)).Build();
        await using (var first = await StartAsync(world, definition))
        {
            await first.Client.StartAsync(definition, "1", "input", null, Token);
            await LoseAsync(first, "a");
        }

        await using (var second = await StartAsync(world, definition))
        {
            await LoseAsync(second, "a,a,b");
        }

        await using var third = await StartAsync(world, definition);
        Assert.Equal(SagaStatus.Completed, (await third.Client.WaitAsync(Id, Token)).Status);
        Assert.Equal("a,a,b,b", string.Join(',', _log));

        // The first time, each hangs until its host stops.
        async ValueTask HangAsync(string step, CancellationToken token)
        {
            var seen = _log.Contains(step);
            _log.Enqueue(step);
            await (seen ? Task.CompletedTask : Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token));
        }

        async Task LoseAsync(SagaTestHost host, string tried)
        {
            await Until.True(() => string.Join(',', _log) == tried, cancellationToken: Token);
            await host.StopAsync();
        }

        static Task<SagaTestHost> StartAsync(SagaWorld world, SagaDefinition definition) =>
            SagaTestHost.StartAsync(world, definition, configure: services => services.Configure<SagaOptions>(options => options.MaxTakeovers = 1));
    }

    [Fact]
    public async Task What_a_step_says_because_its_host_stops_is_no_refusal()
    {
        var world = new SagaWorld();
        var definition = SagaDefinition.Create<string>("s").Step("a", async (_, token) =>
        {
            _log.Enqueue("a");
            if (_log.Count > 1)
            {
                return;
            }

            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token).ContinueWith(static _ => { }, TaskScheduler.Default);
            throw new SagaRejectedException("I was told to stop.");
        }).Build();
        await using (var first = await SagaTestHost.StartAsync(world, definition))
        {
            await first.Client.StartAsync(definition, "1", "input", null, Token);
            await Until.True(() => !_log.IsEmpty, cancellationToken: Token);
            await first.StopAsync();
        }

        Assert.DoesNotContain(await world.EventsAsync(Id), static e => e is SagaEvent.CompensationStarted);
        await using var second = await SagaTestHost.StartAsync(world, definition);
        Assert.Equal(SagaStatus.Completed, (await second.Client.WaitAsync(Id, Token)).Status);
    }

    [Fact]
    public async Task A_signal_whose_wake_up_was_dropped_just_before_the_saga_rests_is_found_without_waiting_for_the_timer()
    {
        var world = new SagaWorld(new FakeTimeProvider());
        var definition = SagaDefinition.Create<string>("s").WaitForSignal<string>("w", "go", TimeSpan.FromDays(30)).Build();
        ISagaClient? client = null;
        var journal = new RacedJournal(world.Journal) { BeforeTheWait = () => client!.SignalAsync(Id, "go", "now", Token) };
        await using var host = await SagaTestHost.StartAsync(
            world, definition, configure: services => services.Replace(ServiceDescriptor.Singleton<ISagaJournal>(journal)));
        client = host.Client;
        await client.StartAsync(definition, "1", "input", null, Token);

        await Until.True(async () => (await world.EventsAsync(Id)).Exists(static e => e is SagaEvent.Settled { Status: SagaStatus.Completed }), cancellationToken: Token);

        Assert.Contains(await world.EventsAsync(Id), static e => e is SagaEvent.Waiting);
    }

    /// <summary>Holds the waiting append up until somebody has spoken and the wake-up of that has read the journal.</summary>
    private sealed class RacedJournal(InMemorySagaJournal inner) : ISagaJournal
    {
        private readonly TaskCompletionSource _read = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile bool _isRaced;

        public required Func<ValueTask> BeforeTheWait { get; init; }

        public async ValueTask<SagaAppendResult> AppendAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken)
        {
            if (entry.Events.Any(static e => e is SagaEvent.Waiting) && !_isRaced)
            {
                await BeforeTheWait();
                _isRaced = true;
                await _read.Task.WaitAsync(Token);
            }

            return await inner.AppendAsync(id, expectedVersion, entry, cancellationToken);
        }

        public async ValueTask<IReadOnlyList<SagaStoredEntry>> ReadAsync(SagaId id, long afterVersion, CancellationToken cancellationToken)
        {
            var mayTell = _isRaced;
            var read = await inner.ReadAsync(id, afterVersion, cancellationToken);
            if (mayTell)
            {
                _read.TrySetResult();
            }

            return read;
        }

        public ValueTask<SagaAppendResult> CompactAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken) =>
            inner.CompactAsync(id, expectedVersion, entry, cancellationToken);

        public ValueTask DeleteAsync(SagaId id, long expectedVersion, CancellationToken cancellationToken) => inner.DeleteAsync(id, expectedVersion, cancellationToken);

        public ValueTask<DateTimeOffset> GetTimeAsync(CancellationToken cancellationToken) => inner.GetTimeAsync(cancellationToken);

        public IAsyncEnumerable<SagaListed> ListAsync(string definition, CancellationToken cancellationToken) => inner.ListAsync(definition, cancellationToken);
    }
}
