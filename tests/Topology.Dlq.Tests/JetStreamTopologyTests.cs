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
        var found = Assert.Single(await topology.ApplyAsync(DeadLetterProvisioning.Verify, Token), found => !found.NotSupported);
        Assert.Equal((field, breaks), (found.Field, found.Breaks));
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
