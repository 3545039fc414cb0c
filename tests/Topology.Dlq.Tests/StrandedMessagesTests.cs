using System.Text;
using Microsoft.Extensions.DependencyInjection;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

/// <summary>What consumers of other people gave up on, on a real server.</summary>
public sealed class StrandedMessagesTests(NatsFixture nats)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(StreamConfigRetention.Workqueue)]
    [InlineData(StreamConfigRetention.Interest)]
    [InlineData(StreamConfigRetention.Limits)]
    public async Task What_a_consumer_gave_up_on_is_found_by_its_advisories_and_transferred_once(StreamConfigRetention retention)
    {
        await using var test = await Stranded.StartAsync(nats, retention, capture: true);
        await test.GiveUpAsync();

        // A stream that removes what was acknowledged removes what was terminated, too.
        var expected = retention == StreamConfigRetention.Limits ? 2 : 1;
        var found = await Until.Value(test.FindAsync, found => found.Count(message => message.GivenUpAt is not null) == expected, cancellationToken: Token);
        Assert.Equal(new[] { 2UL, 4UL }.Take(expected), found.Select(message => message.Sequence));
        Assert.Equal(new[] { false, true }.Take(expected), found.Select(message => message.Terminated));
        Assert.Equal(new[] { 2, 1 }.Take(expected), found.Select(message => message.Deliveries));

        var before = await test.InfoAsync();
        foreach (var message in found)
            Assert.Equal(DeadLetterOutcome.Stored, (await test.Messages.TransferAsync(message, Token))?.Outcome);
        var again = await test.Messages.TransferAsync(found[0], Token);
        Assert.Equal(retention == StreamConfigRetention.Workqueue ? null : DeadLetterOutcome.AlreadyPresent, again?.Outcome);
        Assert.Empty(await test.FindAsync());

        // Nothing was consumed: neither by listing nor by the transfer.
        Assert.Equal(before, await test.InfoAsync());
        var letters = await test.LettersAsync();
        Assert.Equal(new[] { "m2", "m4" }.Take(expected), letters.Select(letter => Encoding.UTF8.GetString(letter.Body.Span)));
        var letter = letters[0];
        Assert.Equal((DeadLetterReasons.Stranded, "acme", 2), (letter.Reason, letter.Tenant, letter.Attempts));
        Assert.Equal((test.Stream, 2UL, "theirs", "id2"), (letter.Source!.Stream, letter.Source.Sequence, letter.Source.Consumer, letter.Source.MessageId));
        Assert.Contains(new("x", "y"), letter.Headers);
        Assert.DoesNotContain(letter.Headers, header => header.Key.StartsWith("Nats-", StringComparison.Ordinal));
        var left = (await test.JetStream.GetStreamAsync(test.Stream, cancellationToken: Token)).Info.State.Messages;
        Assert.Equal(retention switch { StreamConfigRetention.Workqueue => 0, StreamConfigRetention.Interest => 1, _ => 5 }, left);
    }

    [Fact]
    public async Task Without_advisories_a_scan_finds_them_and_never_what_is_only_pending()
    {
        await using var test = await Stranded.StartAsync(nats, StreamConfigRetention.Workqueue, capture: false);
        await test.GiveUpAsync();
        Assert.Equal([2UL], (await test.FindAsync()).Select(message => message.Sequence));

        // Two more, one of them in somebody's hands: only what lies below everything pending is certain.
        await test.PublishAsync(6);
        await test.PublishAsync(7);
        await foreach (var message in test.Consumer.FetchAsync(new NatsJSFetchOpts { MaxMsgs = 2 }, NatsRawSerializer<byte[]>.Default, Token))
        {
            if (message.Metadata!.Value.Sequence.Stream == 7)
                await message.AckAsync(cancellationToken: Token);
        }

        Assert.DoesNotContain(await test.FindAsync(), message => message.Sequence > 5);
    }

    [Fact]
    public async Task A_message_of_an_earlier_stream_of_the_same_name_is_not_taken_for_a_new_one()
    {
        await using var test = await Stranded.StartAsync(nats, StreamConfigRetention.Limits, capture: true);
        await test.GiveUpAsync();
        var found = await Until.Value(test.FindAsync, found => found.Count == 2, cancellationToken: Token);
        await test.JetStream.DeleteStreamAsync(test.Stream, Token);
        await test.CreateAsync(StreamConfigRetention.Limits);
        for (var i = 1; i <= 5; i++)
            await test.PublishAsync(i);
        Assert.Empty(await test.FindAsync());
        Assert.Null(await test.Messages.TransferAsync(found[0], Token));
        Assert.Empty(await test.LettersAsync());
    }

    private sealed class Stranded(NatsFixture nats, bool capture) : IAsyncDisposable
    {
        private readonly JetStreamQueueUnderTest _queue = new(
            nats.Connection, services => services.Configure<JetStreamDeadLetterOptions>(options => options.CaptureAdvisories = capture));

        public NatsJSContext JetStream { get; } = new(nats.Connection);

        public string Stream { get; } = NatsFixture.Unique("THEIRS");

        public INatsJSConsumer Consumer { get; private set; } = null!;

        public IStrandedMessages Messages => _queue.Services.GetRequiredService<IStrandedMessages>();

        public static async Task<Stranded> StartAsync(NatsFixture nats, StreamConfigRetention retention, bool capture)
        {
            var test = new Stranded(nats, capture);
            await test._queue.Provider.SampleAsync(test._queue.Queue, Token); // the streams are made at the first use
            await test.CreateAsync(retention);
            return test;
        }

        public async Task CreateAsync(StreamConfigRetention retention)
        {
            await JetStream.CreateStreamAsync(new StreamConfig(Stream, [$"{Stream}.>"]) { Retention = retention, MaxBytes = 1 << 20 }, Token);
            Consumer = await JetStream.CreateConsumerAsync(
                Stream, new ConsumerConfig("theirs") { AckPolicy = ConsumerConfigAckPolicy.Explicit, MaxDeliver = 2, AckWait = TimeSpan.FromSeconds(20) }, Token);
        }

        /// <summary>Five messages: the second uses up its deliveries, the fourth is terminated, the others are acknowledged.</summary>
        public async Task GiveUpAsync()
        {
            for (var i = 1; i <= 5; i++)
                await PublishAsync(i);
            var left = 6;
            while (left > 0)
            {
                await foreach (var message in Consumer.FetchAsync(
                    new NatsJSFetchOpts { MaxMsgs = left, Expires = TimeSpan.FromSeconds(5) }, NatsRawSerializer<byte[]>.Default, Token))
                {
                    left--;
                    await (message.Metadata!.Value.Sequence.Stream switch
                    {
                        2 => message.NakAsync(cancellationToken: Token),
                        4 => message.AckTerminateAsync(cancellationToken: Token),
                        _ => message.AckAsync(cancellationToken: Token),
                    });
                }
            }

            // The server says that it gave up when it is asked for more.
            await Until.True(
                async () =>
                {
                    await foreach (var unexpected in Consumer.FetchAsync(new NatsJSFetchOpts { MaxMsgs = 1, Expires = TimeSpan.FromSeconds(1) }, NatsRawSerializer<byte[]>.Default, Token))
                        Assert.Fail($"{unexpected.Subject} came again.");
                    await Consumer.RefreshAsync(Token);
                    return Consumer.Info is { NumAckPending: 0, NumPending: 0 };
                },
                cancellationToken: Token);
        }

        public async Task PublishAsync(int number)
        {
            var ack = await JetStream.PublishAsync(
                $"{Stream}.x",
                Encoding.UTF8.GetBytes($"m{number}"),
                opts: new NatsJSPubOpts { MsgId = $"id{number}" },
                headers: new NatsHeaders { ["tenant"] = "acme", ["x"] = "y" },
                cancellationToken: Token);
            ack.EnsureSuccess();
        }

        public async Task<List<StrandedMessage>> FindAsync() => await Messages.FindAsync(Stream, "theirs", _queue.Queue, Token).ToListAsync(Token);

        public async Task<List<DeadLetter>> LettersAsync() =>
            await _queue.Services.GetRequiredService<IDeadLetterStore>().QueryAsync(new(_queue.Queue), Token).ToListAsync(Token);

        public async Task<(ulong Delivered, ulong Floor)> InfoAsync()
        {
            await Consumer.RefreshAsync(Token);
            return (Consumer.Info.Delivered.ConsumerSeq, Consumer.Info.AckFloor.ConsumerSeq);
        }

        public ValueTask DisposeAsync() => _queue.DisposeAsync();
    }
}
