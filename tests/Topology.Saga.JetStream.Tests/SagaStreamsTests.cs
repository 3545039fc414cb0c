using Microsoft.Extensions.Diagnostics.HealthChecks;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.Saga.JetStream.Internal;
using Topology.TestKit;

namespace Topology.Saga.JetStream.Tests;

public sealed class SagaStreamsTests(NatsFixture nats)
{
    private readonly string _prefix = JetStreamSagas.NewPrefix();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private NatsJSContext JetStream => new(nats.Connection);

    [Fact]
    public async Task Streams_that_are_missing_are_made_by_create_and_refused_by_verify_and_not_looked_at_by_off()
    {
        await using var verify = new JetStreamSagas(nats.Connection, _prefix, options => options.Provision = SagaProvisioning.Verify);
        var refused = await Assert.ThrowsAsync<SagaStoreException>(() => ReadAsync(verify));
        Assert.Contains($"stream {_prefix.ToUpperInvariant()}_LOG is missing", refused.Message, StringComparison.Ordinal);

        await using var off = new JetStreamSagas(nats.Connection, _prefix, options => options.Provision = SagaProvisioning.Off);
        await Assert.ThrowsAsync<SagaStoreException>(() => ReadAsync(off));

        await using var create = new JetStreamSagas(nats.Connection, _prefix);
        await ReadAsync(create);
        await ReadAsync(verify);
        await ReadAsync(off);
    }

    [Fact]
    public async Task A_stream_that_would_break_a_promise_is_refused_and_one_that_only_differs_is_used()
    {
        await using var create = new JetStreamSagas(nats.Connection, _prefix);
        await ReadAsync(create);
        var log = await JetStream.GetStreamAsync($"{_prefix.ToUpperInvariant()}_LOG", cancellationToken: Token);
        await log.UpdateAsync(log.Info.Config with { MaxBytes = 64 << 20, Description = "changed" }, Token);
        await using var other = new JetStreamSagas(nats.Connection, _prefix, options => options.Provision = SagaProvisioning.Verify);
        await ReadAsync(other);

        await log.UpdateAsync(log.Info.Config with { MaxAge = TimeSpan.FromDays(1) }, Token);
        await using var third = new JetStreamSagas(nats.Connection, _prefix, options => options.Provision = SagaProvisioning.Verify);
        var refused = await Assert.ThrowsAsync<SagaStoreException>(() => ReadAsync(third));
        Assert.Contains("max_age is 1.00:00:00; it must be 00:00:00", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_consumer_that_waits_shorter_than_wanted_is_refused_and_told_and_one_that_waits_longer_is_used()
    {
        await using var usual = Waiting(30);
        await usual.Get<SagaStreams>().EnsureConsumerAsync("d", Token);
        await using var longer = Waiting(60);
        var streams = longer.Get<SagaStreams>();
        var refused = await Assert.ThrowsAsync<SagaStoreException>(() => streams.EnsureConsumerAsync("d", Token).AsTask());
        var broken = $"consumer {_prefix.ToUpperInvariant()}_ITEMS/d: ack_wait is 00:00:30; it must be 00:01:00";
        Assert.Contains(broken, refused.Message, StringComparison.Ordinal);
        streams.Forget(); // as whoever was refused does before it tries again
        Assert.Equal(broken, await streams.FindFaultAsync(Token));

        await using var shorter = Waiting(10);
        await shorter.Get<SagaStreams>().EnsureConsumerAsync("d", Token);
        Assert.Null(await shorter.Get<SagaStreams>().FindFaultAsync(Token));

        var consumer = await JetStream.GetConsumerAsync($"{_prefix.ToUpperInvariant()}_ITEMS", "d", Token);
        await JetStream.CreateOrUpdateConsumerAsync(consumer.Info.StreamName, consumer.Info.Config with { AckWait = TimeSpan.FromMinutes(2) }, Token);
        await streams.EnsureConsumerAsync("d", Token);
        Assert.Null(await streams.FindFaultAsync(Token));

        JetStreamSagas Waiting(int seconds) => new(nats.Connection, _prefix, options => options.AckWait = TimeSpan.FromSeconds(seconds));
    }

    [Fact]
    public async Task Several_replicas_are_refused_on_a_server_whose_compare_and_set_between_them_is_not_exact()
    {
        Assert.True(Version.Parse(nats.Connection.ServerInfo!.Version) < new Version(2, 9, 21), "This test is about old servers.");
        await using var sagas = new JetStreamSagas(nats.Connection, _prefix, options => options.Replicas = 3);
        var refused = await Assert.ThrowsAsync<SagaStoreException>(() => ReadAsync(sagas));
        Assert.Contains("before 2.9.21 two owners can both append at the same version", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reads_from_the_leader_give_what_direct_reads_give()
    {
        await using var sagas = new JetStreamSagas(nats.Connection, _prefix);
        var id = new SagaId("d", "ä");
        await sagas.Journal.AppendAsync(id, 0, new(Guid.NewGuid(), [new SagaEvent.Waiting("w")]), Token);
        await sagas.Dispatcher.WakeAsync(id, Token);
        var (store, streams) = (sagas.Get<SagaStore>(), sagas.Get<SagaStreams>());
        foreach (var (stream, subject) in new[] { (streams.Subjects.LogStream, ">"), (streams.Subjects.ItemStream, $"{_prefix}.item.>"), (streams.Subjects.ItemStream, $"{_prefix}.none") })
        {
            var direct = await store.GetNextAsync(stream, subject, 0, Token);
            streams.Options.Replicas = 3;
            var leader = await store.GetNextAsync(stream, subject, 0, Token);
            streams.Options.Replicas = 1;
            Assert.Equal((direct?.Subject, direct?.Sequence, direct?.At), (leader?.Subject, leader?.Sequence, leader?.At));
            Assert.Equal(direct?.Body.ToArray(), leader?.Body.ToArray());
        }

        streams.Options.Replicas = 3;
        Assert.Single(await sagas.Journal.ReadAsync(id, 0, Token));
    }

    [Fact]
    public async Task The_check_tells_a_healthy_store_from_a_broken_a_full_and_an_absent_one()
    {
        await using var server = await NatsServer.StartAsync(cancellationToken: Token);
        await using var connection = await server.ConnectAsync();
        await using var process = await SagaProcess.StartAsync(connection, _prefix, configure: options => options.MaxLogBytes = 1 << 20);
        var registration = SagaNatsHealthCheck.Register(HealthStatus.Unhealthy);
        Assert.Equal("topology.saga.nats", registration.Name);
        Assert.Contains("ready", registration.Tags);
        await process.Client.StartAsync(SagaDefinition.Create<string>("d").Step("a", static (_, _) => default).Build(), "1", "x", cancellationToken: Token);
        Assert.Equal((HealthStatus.Healthy, null), Pair(await process.CheckAsync(registration)));

        var log = new NatsJSContext(connection);
        for (var i = 0; i < 19; i++)
        {
            await log.PublishAsync($"{_prefix}.log.filling", new byte[50_000], cancellationToken: Token);
        }

        Assert.Equal((HealthStatus.Degraded, "store_nearly_full"), Pair(await process.CheckAsync(registration)));
        await log.DeleteStreamAsync($"{_prefix.ToUpperInvariant()}_TIMERS", Token);
        Assert.Equal((HealthStatus.Unhealthy, "store_broken"), Pair(await process.CheckAsync(registration)));
        await server.StopAsync(Token);
        Assert.Equal((HealthStatus.Unhealthy, "nats_unreachable"), Pair(await process.CheckAsync(registration)));

        static (HealthStatus, string?) Pair((HealthStatus Status, string? Code, IReadOnlyDictionary<string, object>) result) => (result.Status, result.Code);
    }

    [Fact]
    public async Task What_is_deleted_leaves_nothing_on_the_server_however_large_it_was()
    {
        await using var sagas = new JetStreamSagas(nats.Connection, _prefix);
        var id = new SagaId("d", new string('ö', SagaId.MaxLength));
        var large = SagaValue.FromJson(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(new string('x', 1_500_000)));
        var first = await sagas.Journal.AppendAsync(id, 0, new(Guid.NewGuid(), [new SagaEvent.StepCompleted("a", large)]), Token);
        var read = Assert.IsType<SagaEvent.StepCompleted>(Assert.Single(Assert.Single(await sagas.Journal.ReadAsync(id, 0, Token)).Entry.Events));
        Assert.True(large.ToJson().Span.SequenceEqual(read.Result.ToJson().Span));
        Assert.Equal(id, (await sagas.Journal.ListAsync("d", Token).ToListAsync(Token)).Single().Id);

        var compacted = await sagas.Journal.CompactAsync(id, first.Version, new(Guid.NewGuid(), [new SagaEvent.Waiting("rest")]), Token);
        Assert.Equal(1, await MessagesAsync("LOG"));
        await sagas.Journal.DeleteAsync(id, compacted.Version, Token);
        Assert.Equal(0, await MessagesAsync("LOG"));

        await sagas.Inbox.PostAsync(id, new SagaMessage.Signal("s", large), Token);
        await sagas.Dispatcher.TryStartAsync(new(id, "h", "-", large), Token);
        var before = await MessagesAsync("ITEMS");
        await sagas.Inbox.ForgetAsync(id, Token);
        await sagas.Dispatcher.ForgetAsync(id, Token);
        Assert.True(before > 6);
        Assert.True(await MessagesAsync("ITEMS") <= 1, "only the clock is left");
    }

    [Fact]
    public async Task A_deletion_that_was_cut_off_leaves_an_id_that_is_as_if_never_used()
    {
        await using var sagas = new JetStreamSagas(nats.Connection, _prefix);
        var id = new SagaId("d", "1");
        var first = await sagas.Journal.AppendAsync(id, 0, new(Guid.NewGuid(), [new SagaEvent.Waiting("a")]), Token);
        await JetStream.PublishAsync(
            $"{_prefix}.log.d.1.entry", Array.Empty<byte>(), opts: new() { ExpectedLastSubjectSequence = (ulong)first.Version },
            headers: new() { ["Nats-Rollup"] = "sub", ["Saga-Deleted"] = "1" }, cancellationToken: Token);

        Assert.Empty(await sagas.Journal.ReadAsync(id, 0, Token));
        Assert.False((await sagas.Journal.AppendAsync(id, first.Version, new(Guid.NewGuid(), [new SagaEvent.Waiting("late")]), Token)).Stored);
        Assert.True((await sagas.Journal.AppendAsync(id, 0, new(Guid.NewGuid(), [new SagaEvent.Waiting("anew")]), Token)).Stored);
        Assert.Single(await sagas.Journal.ReadAsync(id, 0, Token));
    }

    [Fact]
    public async Task A_large_entry_that_has_lost_a_part_is_an_error_and_never_a_shorter_one()
    {
        await using var sagas = new JetStreamSagas(nats.Connection, _prefix);
        await sagas.Journal.AppendAsync(new("d", "1"), 0, new(Guid.NewGuid(), [new SagaEvent.Waiting(new string('x', 100_000))]), Token);
        await new NatsJSContext(nats.Connection).PurgeStreamAsync($"{_prefix.ToUpperInvariant()}_LOG", new StreamPurgeRequest { Filter = $"{_prefix}.log.d.1.part.>" }, Token);
        var failure = await Assert.ThrowsAsync<SagaStoreException>(() => ReadAsync(sagas));
        Assert.Contains("part 0 of 1 is not there", failure.Message, StringComparison.Ordinal);
    }

    private static async Task ReadAsync(JetStreamSagas sagas) => await sagas.Journal.ReadAsync(new("d", "1"), 0, Token);

    private async Task<long> MessagesAsync(string stream) =>
        (await JetStream.GetStreamAsync($"{_prefix.ToUpperInvariant()}_{stream}", cancellationToken: Token)).Info.State.Messages;
}
