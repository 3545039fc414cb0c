using System.Collections.Concurrent;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.TestKit;

namespace Topology.Saga.JetStream.Tests;

/// <summary>Answers that are lost, requests that come late, stores that are full.</summary>
public sealed class FaultTests(NatsFixture nats)
{
    private readonly string _prefix = JetStreamSagas.NewPrefix();
    private readonly SagaId _id = new("d", "1");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_append_whose_answer_is_lost_is_found_by_its_writer_when_it_is_sent_again()
    {
        await using var proxy = FaultProxy.Start(nats.Server.Port);
        await using var connection = Through(proxy);
        await using var sagas = new JetStreamSagas(connection, _prefix);
        var first = await sagas.Journal.AppendAsync(_id, 0, Entry("a"), Token);
        var lost = Entry("b");

        proxy.Drop(FaultDirection.ToClient);
        await Assert.ThrowsAsync<SagaStoreException>(() => sagas.Journal.AppendAsync(_id, first.Version, lost, Token).AsTask());
        proxy.Cut();
        proxy.Pass();

        await Until.True(async () => !(await sagas.Journal.AppendAsync(_id, first.Version, lost, Token)).Stored, cancellationToken: Token);
        var stored = await sagas.Journal.ReadAsync(_id, first.Version, Token);
        Assert.Equal(lost.Writer, Assert.Single(stored).Entry.Writer);
    }

    [Fact]
    public async Task A_start_whose_answer_is_lost_is_one_start()
    {
        await using var proxy = FaultProxy.Start(nats.Server.Port);
        await using var connection = Through(proxy);
        await using var sagas = new JetStreamSagas(connection, _prefix);
        var start = new SagaStart(_id, "hash", "-", SagaValue.None);
        Assert.Null(await sagas.Dispatcher.FindStartAsync(_id, Token));
        Assert.True(await sagas.Dispatcher.TryStartAsync(start with { Id = new("d", "before") }, Token));

        proxy.Drop(FaultDirection.ToClient);
        await Assert.ThrowsAsync<SagaStoreException>(() => sagas.Dispatcher.TryStartAsync(start, Token).AsTask());
        proxy.Cut();
        proxy.Pass();
        await Until.True(async () => !await sagas.Dispatcher.TryStartAsync(start, Token), cancellationToken: Token);
        Assert.NotNull(await sagas.Dispatcher.FindStartAsync(_id, Token));
        var items = await new NatsJSContext(nats.Connection).GetStreamAsync(
            $"{_prefix.ToUpperInvariant()}_ITEMS", new StreamInfoRequest { SubjectsFilter = $"{_prefix}.item.d.1.start" }, Token);
        Assert.Equal(1, Assert.Single(items.Info.State.Subjects!).Value);
    }

    [Fact]
    public async Task An_append_that_was_held_on_its_way_changes_nothing_after_another_owner_has_written()
    {
        await using var proxy = FaultProxy.Start(nats.Server.Port);
        await using var connection = Through(proxy, TimeSpan.FromSeconds(30));
        await using var stopped = new JetStreamSagas(connection, _prefix);
        await using var other = new JetStreamSagas(nats.Connection, _prefix);
        var first = await stopped.Journal.AppendAsync(_id, 0, Entry("a"), Token);

        proxy.Hold(FaultDirection.ToServer);
        var late = stopped.Journal.AppendAsync(_id, first.Version, Entry("late"), Token).AsTask();
        await Until.True(() => proxy.Stopped(FaultDirection.ToServer) > 0, cancellationToken: Token);
        Assert.True((await other.Journal.AppendAsync(_id, first.Version, Entry("taken over"), Token)).Stored);
        proxy.Pass();

        Assert.False((await late).Stored);
        Assert.Equal(["a", "taken over"], (await other.Journal.ReadAsync(_id, 0, Token)).Select(Text));
    }

    private static SagaEntry Entry(string text) => new(Guid.NewGuid(), [new SagaEvent.Waiting(text)]);

    private static string Text(SagaStoredEntry stored) => ((SagaEvent.Waiting)Assert.Single(stored.Entry.Events)).StepId;

    private static NatsConnection Through(FaultProxy proxy, TimeSpan? timeout = null) => new(NatsOpts.Default with
    {
        Url = $"nats://127.0.0.1:{proxy.Port}",
        RequestTimeout = timeout ?? TimeSpan.FromSeconds(1),
        MaxReconnectRetry = -1,
        ReconnectWaitMin = TimeSpan.FromMilliseconds(20),
        ReconnectWaitMax = TimeSpan.FromMilliseconds(50),
    });
}
