using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Topology.Saga.Tests;

/// <summary>An inbox that tells as late as it may: what is found must have been asked for exactly, and whoever is woken must find it.</summary>
public sealed class LaggingInboxTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static SagaId Id => new("s", "1");

    [Fact]
    public async Task A_waiting_saga_finds_its_signal_though_its_inbox_lags_and_is_woken_after_it_is_stored()
    {
        var world = new SagaWorld();
        var (inbox, calls) = (new Lagging(world.Inbox), new ConcurrentQueue<string>());
        var definition = SagaDefinition.Create<string>("s").WaitForSignal<string>("w", "go", TimeSpan.FromDays(1)).Build();
        await using var host = await SagaTestHost.StartAsync(world, definition, configure: services => services
            .AddSingleton<ISagaInbox>(inbox).AddSingleton<ISagaDispatcher>(new Woken(world.Dispatcher, calls)));
        inbox.Posted = () => calls.Enqueue("posted");
        await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(Id, static saga => saga.Status == SagaStatus.Waiting);
        await host.Client.SignalAsync(Id, "go", "now", Token);
        await host.UntilAsync(Id, static saga => saga.Status == SagaStatus.Completed);
        Assert.Equal(["posted", "woken"], calls);
    }

    [Fact]
    public async Task A_take_over_finds_what_only_a_newer_version_understands_though_its_inbox_lags()
    {
        var (time, tries) = (new FakeTimeProvider(), 0);
        var world = new SagaWorld(time);
        var definition = SagaDefinition.Create<string>("s").Step("a", async (_, token) =>
        {
            Interlocked.Increment(ref tries);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
        }).Build();
        await using (var first = await SagaTestHost.StartAsync(world, definition))
        {
            await first.Client.StartAsync(definition, "1", "input", null, Token);
            await first.UntilAsync(Id, _ => Volatile.Read(ref tries) == 1);
        }

        await world.Inbox.PostAsync(Id, new SagaMessage.Unknown("pause"), Token);
        await using var second = await SagaTestHost.StartAsync(world, definition, configure: services => services.AddSingleton<ISagaInbox>(new Lagging(world.Inbox)));
        var parked = await second.UntilAsync(Id, static saga => saga.IsSettled, TimeSpan.FromSeconds(20));
        Assert.Equal(SagaStatus.Parked, parked.Status);
        Assert.Equal(1, tries);
    }

    private sealed class Lagging(ISagaInbox inner) : ISagaInbox
    {
        public Action Posted { get; set; } = static () => { };

        public async ValueTask<long> PostAsync(SagaId id, SagaMessage message, CancellationToken cancellationToken)
        {
            var sequence = await inner.PostAsync(id, message, cancellationToken);
            Posted();
            return sequence;
        }

        public ValueTask<IReadOnlyList<SagaInboxEntry>> ReadAsync(SagaId id, long afterSequence, bool mayLag, CancellationToken cancellationToken) =>
            mayLag ? new([]) : inner.ReadAsync(id, afterSequence, mayLag, cancellationToken);

        public IDisposable Listen(SagaId id, long afterSequence, Action heard) => inner.Listen(id, afterSequence, heard);

        public ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken) => inner.ForgetAsync(id, cancellationToken);
    }

    private sealed class Woken(ISagaDispatcher inner, ConcurrentQueue<string> calls) : ISagaDispatcher
    {
        public ValueTask WakeAsync(SagaId id, CancellationToken cancellationToken)
        {
            calls.Enqueue("woken");
            return inner.WakeAsync(id, cancellationToken);
        }

        public ValueTask<bool> TryStartAsync(SagaStart start, CancellationToken cancellationToken) => inner.TryStartAsync(start, cancellationToken);

        public ValueTask SetTimerAsync(SagaId id, string stepId, TimeSpan delay, CancellationToken cancellationToken) => inner.SetTimerAsync(id, stepId, delay, cancellationToken);

        public ValueTask<SagaStart?> FindStartAsync(SagaId id, CancellationToken cancellationToken) => inner.FindStartAsync(id, cancellationToken);

        public IAsyncEnumerable<ISagaLease> LeaseAsync(IReadOnlySet<string> definitions, Func<int> free, Action beat, CancellationToken cancellationToken) =>
            inner.LeaseAsync(definitions, free, beat, cancellationToken);

        public ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken) => inner.ForgetAsync(id, cancellationToken);
    }
}
