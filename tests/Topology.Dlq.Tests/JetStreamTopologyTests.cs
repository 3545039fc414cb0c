using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

public sealed class JetStreamTopologyTests(NatsFixture nats)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private NatsJSContext JetStream => new(nats.Connection);

    [Fact]
    public async Task Creating_makes_what_is_missing_and_a_second_run_writes_nothing()
    {
        await using var test = new JetStreamQueueUnderTest(nats.Connection);
        var topology = test.Services.GetRequiredService<IDeadLetterTopology>();
        Assert.All(await topology.ApplyAsync(DeadLetterProvisioning.Create, Token), field => Assert.True(field.NotSupported, field.ToString()));

        var writes = new ConcurrentQueue<string>();
        await using var writesSeen = await ListenAsync(writes, DeadLetterQueueNames.ToPhysical(test.Queue));
        Assert.All(await topology.ApplyAsync(DeadLetterProvisioning.Create, Token), field => Assert.True(field.NotSupported, field.ToString()));
        await test.Provider.AppendAsync(test.Letter("a"), Token);
        await test.ReceiveAsync(new() { Name = "dlq-alerts" }, TimeSpan.FromSeconds(3));
        await nats.Connection.PingAsync(Token);
        Assert.Empty(writes);

        // The listener does see writes.
        await JetStream.CreateConsumerAsync(DeadLetterQueueNames.ToPhysical(test.Queue), new ConsumerConfig("other"), Token);
        await Until(() => !writes.IsEmpty);
    }

    [Fact]
    public async Task The_servers_streams_are_what_the_contract_says()
    {
        await using var test = new JetStreamQueueUnderTest(nats.Connection);
        await test.Provider.AppendAsync(test.Letter("a"), Token);
        var letters = (await JetStream.GetStreamAsync(DeadLetterQueueNames.ToPhysical(test.Queue), cancellationToken: Token)).Info.Config;
        Assert.Equal((StreamConfigRetention.Limits, StreamConfigDiscard.New, 1L << 20), (letters.Retention, letters.Discard, letters.MaxBytes));
        Assert.Equal(TimeSpan.FromDays(7), letters.MaxAge);
        var marks = (await JetStream.GetStreamAsync(DeadLetterQueueNames.ToPhysicalMarks(test.Queue), cancellationToken: Token)).Info.Config;
        Assert.Equal((StreamConfigRetention.Limits, StreamConfigDiscard.New, 1L), (marks.Retention, marks.Discard, marks.MaxMsgsPerSubject));
        Assert.Equal(TimeSpan.FromDays(8), marks.MaxAge);

        await test.ReceiveAsync(new() { Name = "c", AckWait = TimeSpan.FromSeconds(7) }, TimeSpan.FromSeconds(3));
        var consumer = (await JetStream.GetConsumerAsync(DeadLetterQueueNames.ToPhysical(test.Queue), "c", Token)).Info.Config;
        Assert.Equal((-1L, TimeSpan.FromSeconds(7)), (consumer.MaxDeliver, consumer.AckWait));
        Assert.Empty(consumer.Backoff ?? []);
    }

    [Fact]
    public async Task Verifying_writes_nothing_and_names_what_is_missing()
    {
        await using var test = new JetStreamQueueUnderTest(
            nats.Connection, services => services.Configure<JetStreamDeadLetterOptions>(options => options.Provision = DeadLetterProvisioning.Verify));
        var missing = await test.Services.GetRequiredService<IDeadLetterTopology>().ApplyAsync(DeadLetterProvisioning.Verify, Token);
        Assert.Equal(3, missing.Count(field => field is { Field: "exists", Breaks: true }));
        var refused = await Assert.ThrowsAsync<DeadLetterException>(async () => await test.Provider.AppendAsync(test.Letter("a"), Token));
        Assert.Contains($"stream {DeadLetterQueueNames.ToPhysical(test.Queue)} is missing", refused.Message, StringComparison.OrdinalIgnoreCase);
    }

    public static TheoryData<string, bool, Func<StreamConfig, StreamConfig>> StreamMutations => new()
    {
        { "subjects", true, config => config with { Subjects = [config.Subjects!.First() + ".x"] } },
        { "subjects", false, config => config with { Subjects = [.. config.Subjects!, config.Name + ".more"] } },
        { "discard", true, config => config with { Discard = StreamConfigDiscard.Old } },
        { "retention", true, config => config with { Retention = StreamConfigRetention.Interest } },
        { "max_age", false, config => config with { MaxAge = TimeSpan.FromDays(1) } },
        { "max_bytes", false, config => config with { MaxBytes = 2 << 20 } },
        { "max_msgs", false, config => config with { MaxMsgs = 5 } },
        { "max_msgs_per_subject", true, config => config with { MaxMsgsPerSubject = 5 } },
        { "max_msg_size", false, config => config with { MaxMsgSize = 1000 } },
        { "storage", false, config => config with { Storage = StreamConfigStorage.Memory } },
        { "duplicate_window", false, config => config with { DuplicateWindow = TimeSpan.FromMinutes(1) } },
        { "allow_direct", true, config => config with { AllowDirect = false } },
        { "deny_delete", true, config => config with { DenyDelete = true } },
        { "no_ack", true, config => config with { NoAck = true } },
        { "description", false, config => config with { Description = "mine" } },
    };

    [Theory]
    [MemberData(nameof(StreamMutations), DisableDiscoveryEnumeration = true)]
    public async Task A_stream_that_differs_is_reported_by_field_left_alone_and_refused_only_when_a_promise_breaks(
        string field, bool breaks, Func<StreamConfig, StreamConfig> mutate)
    {
        // A twin with other names shows what would be created.
        await using var test = new JetStreamQueueUnderTest(nats.Connection);
        var topology = test.Services.GetRequiredService<IDeadLetterTopology>();
        await topology.ApplyAsync(DeadLetterProvisioning.Create, Token);
        var name = DeadLetterQueueNames.ToPhysical(test.Queue);
        var wanted = (await JetStream.GetStreamAsync(name, cancellationToken: Token)).Info.Config;
        await JetStream.DeleteStreamAsync(name, Token);
        await JetStream.CreateStreamAsync(mutate(wanted), Token);

        await using var fresh = new JetStreamQueueUnderTest(nats.Connection, test.Queue);
        var drift = await fresh.Services.GetRequiredService<IDeadLetterTopology>().ApplyAsync(DeadLetterProvisioning.Create, Token);
        var found = Assert.Single(drift, found => !found.NotSupported);
        Assert.Equal((field, breaks, $"stream {name}"), (found.Field, found.Breaks, found.Thing));
        if (breaks)
            await Assert.ThrowsAsync<DeadLetterException>(async () => await fresh.Provider.SampleAsync(test.Queue, Token));
        else
            await fresh.Provider.SampleAsync(test.Queue, Token);
    }

    public static TheoryData<string, bool, Func<ConsumerConfig, ConsumerConfig>> ConsumerMutations => new()
    {
        { "ack_wait", true, config => config with { AckWait = TimeSpan.FromSeconds(2) } },
        { "ack_wait", false, config => config with { AckWait = TimeSpan.FromMinutes(2) } },
        { "max_deliver", true, config => config with { MaxDeliver = 3 } },
        { "max_ack_pending", false, config => config with { MaxAckPending = 5 } },
        { "filter_subject", true, config => config with { FilterSubject = "a.b" } },
        { "deliver_policy", false, config => config with { DeliverPolicy = ConsumerConfigDeliverPolicy.New } },
        { "ack_policy", true, config => config with { AckPolicy = ConsumerConfigAckPolicy.All } },
        { "backoff", true, config => config with { Backoff = [config.AckWait], MaxDeliver = 2 } }, // the server insists on max_deliver
        { "inactive_threshold", true, config => config with { InactiveThreshold = TimeSpan.FromHours(1) } },
        { "headers_only", true, config => config with { HeadersOnly = true } },
    };

    [Theory]
    [MemberData(nameof(ConsumerMutations), DisableDiscoveryEnumeration = true)]
    public async Task A_consumer_that_differs_is_reported_by_field(string field, bool breaks, Func<ConsumerConfig, ConsumerConfig> mutate)
    {
        await using var test = new JetStreamQueueUnderTest(nats.Connection);
        var topology = test.Services.GetRequiredService<IDeadLetterTopology>();
        await topology.ApplyAsync(DeadLetterProvisioning.Create, Token);
        var name = DeadLetterQueueNames.ToPhysical(test.Queue);
        var wanted = (await JetStream.GetConsumerAsync(name, "dlq-alerts", Token)).Info.Config;
        await JetStream.DeleteConsumerAsync(name, "dlq-alerts", Token);
        if (field == "filter_subject")
            wanted = wanted with { FilterSubject = (await JetStream.GetStreamAsync(name, cancellationToken: Token)).Info.Config.Subjects!.First() };
        else
            wanted = mutate(wanted);
        await JetStream.CreateConsumerAsync(name, wanted, Token);
        var drift = await topology.ApplyAsync(DeadLetterProvisioning.Verify, Token);
        var found = Assert.Single(drift, found => !found.NotSupported && (field != "backoff" || found.Field != "max_deliver"));
        Assert.Equal((field, breaks), (found.Field, found.Breaks));
    }

    [Fact]
    public async Task What_a_single_server_cannot_be_given_and_a_limit_that_hides_behind_another_are_reported_too()
    {
        await using var test = new JetStreamQueueUnderTest(nats.Connection);
        await test.Services.GetRequiredService<IDeadLetterTopology>().ApplyAsync(DeadLetterProvisioning.Create, Token);
        var name = DeadLetterQueueNames.ToPhysicalMarks(test.Queue);
        var wanted = (await JetStream.GetStreamAsync(name, cancellationToken: Token)).Info.Config;
        await JetStream.DeleteStreamAsync(name, Token);
        await JetStream.CreateStreamAsync(wanted with { DiscardNewPerSubject = true, MaxAge = TimeSpan.FromDays(2) }, Token);

        await using var three = new JetStreamQueueUnderTest(
            nats.Connection, test.Queue, services => services.Configure<JetStreamDeadLetterOptions>(options => options.Replicas = 3));
        var drift = await three.Services.GetRequiredService<IDeadLetterTopology>().ApplyAsync(DeadLetterProvisioning.Verify, Token);
        Assert.Equal(
            [$"{name} discard_new_per_subject True", $"{name} max_age False", $"{name} num_replicas False", $"{DeadLetterQueueNames.ToPhysical(test.Queue)} num_replicas False"],
            drift.Where(field => !field.NotSupported).Select(field => $"{field.Thing.Split(' ')[1]} {field.Field} {field.Breaks}").Order(StringComparer.Ordinal).Reverse()
                .OrderBy(field => field.Contains("_MARKS", StringComparison.Ordinal) ? 0 : 1).ThenBy(field => field, StringComparer.Ordinal));
    }

    [Fact]
    public async Task Off_looks_at_nothing_makes_nothing_and_a_missing_stream_is_an_error_of_the_call()
    {
        await using var test = new JetStreamQueueUnderTest(
            nats.Connection, services => services.Configure<JetStreamDeadLetterOptions>(options => options.Provision = DeadLetterProvisioning.Off));
        Assert.Empty(await test.Services.GetRequiredService<IDeadLetterTopology>().ApplyAsync(DeadLetterProvisioning.Off, Token));
        await Assert.ThrowsAsync<DeadLetterException>(async () => await test.Provider.AppendAsync(test.Letter("a"), Token));
        await Assert.ThrowsAsync<NatsJSApiException>(
            async () => await JetStream.GetStreamAsync(DeadLetterQueueNames.ToPhysical(test.Queue), cancellationToken: Token));

        // Made by somebody else, it is used as it is.
        await using var other = new JetStreamQueueUnderTest(nats.Connection, test.Queue);
        await other.Services.GetRequiredService<IDeadLetterTopology>().ApplyAsync(DeadLetterProvisioning.Create, Token);
        Assert.True(await test.Provider.AppendAsync(test.Letter("a"), Token));
    }

    [Fact]
    public async Task A_guarded_consumer_that_starts_again_writes_nothing()
    {
        var (stream, queue) = (NatsFixture.Unique("WORK"), NatsFixture.Unique("q") + ".dlq");
        await JetStream.CreateStreamAsync(new StreamConfig(stream, [$"{stream}.>"]) { MaxAge = TimeSpan.FromHours(1), MaxBytes = 1 << 20 }, Token);
        await using (var first = await GuardedRun.StartAsync(nats.Connection, stream, queue, _ => WorkVerdict.Done))
            await HandledAsync(first);

        var writes = new ConcurrentQueue<string>();
        await using var seen = await ListenAsync(writes, stream);
        await using var queueSeen = await ListenAsync(writes, DeadLetterQueueNames.ToPhysical(queue));
        await using (var second = await GuardedRun.StartAsync(nats.Connection, stream, queue, _ => WorkVerdict.Done))
            await HandledAsync(second);
        await nats.Connection.PingAsync(Token);
        Assert.Empty(writes);

        async Task HandledAsync(GuardedRun run)
        {
            (await JetStream.PublishAsync($"{stream}.x", "a", cancellationToken: Token)).EnsureSuccess();
            await Until(() => run.Starts == 1);
        }
    }

    [Fact]
    public async Task A_server_that_is_away_is_an_error_of_the_call_and_a_stream_that_was_deleted_is_made_again()
    {
        await using var test = new JetStreamQueueUnderTest(nats.Connection);
        await test.Provider.AppendAsync(test.Letter("a"), Token);
        await JetStream.DeleteStreamAsync(DeadLetterQueueNames.ToPhysical(test.Queue), Token);
        await Assert.ThrowsAsync<DeadLetterException>(async () => await test.Provider.AppendAsync(test.Letter("a"), Token));
        Assert.True(await test.Provider.AppendAsync(test.Letter("a"), Token));
    }

    private async Task<IAsyncDisposable> ListenAsync(ConcurrentQueue<string> writes, string physical)
    {
        var subscriptions = new List<INatsSub<byte[]>>();
        foreach (var subject in new[] { "$JS.API.STREAM.CREATE.>", "$JS.API.STREAM.UPDATE.>", "$JS.API.CONSUMER.CREATE.>", "$JS.API.CONSUMER.DURABLE.CREATE.>" })
        {
            var subscription = await nats.Connection.SubscribeCoreAsync<byte[]>(subject, cancellationToken: Token);
            subscriptions.Add(subscription);
            _ = Task.Run(
                async () =>
                {
                    await foreach (var message in subscription.Msgs.ReadAllAsync(Token))
                    {
                        if (message.Subject.Contains(physical, StringComparison.Ordinal))
                            writes.Enqueue(message.Subject);
                    }
                },
                Token);
        }

        await nats.Connection.PingAsync(Token);
        return new Subscriptions(subscriptions);
    }

    private static async Task Until(Func<bool> condition)
    {
        for (var i = 0; !condition(); i++)
        {
            Assert.True(i < 5_000, "It did not happen within 5 s.");
            await Task.Delay(1, Token);
        }
    }

    private sealed class Subscriptions(List<INatsSub<byte[]>> all) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            foreach (var one in all)
                await one.DisposeAsync();
        }
    }
}
