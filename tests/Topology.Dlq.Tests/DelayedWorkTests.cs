using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

/// <summary>More delayed messages than a consumer may have pending, on a real server.</summary>
public sealed class DelayedWorkTests(NatsFixture nats)
{
    private const int MaxAckPending = 32;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Delayed_messages_beyond_half_of_what_may_be_pending_are_set_aside_and_hold_up_nobody_and_come_back_when_due()
    {
        await using var test = await Delayed.StartAsync(nats);
        test.Handle = message => Body(message).StartsWith("late", StringComparison.Ordinal) && message.Attempt == 1
            ? WorkVerdict.RetryAfter(TimeSpan.FromMinutes(10))
            : WorkVerdict.Done;
        for (var i = 0; i < 3 * MaxAckPending; i++)
            await test.PublishAsync($"late{i}", new() { ["k"] = "v", ["Nats-Msg-Id"] = $"id{i}" });
        await test.PublishAsync("good", []);

        // Were they all pending, the good one behind them would wait for ten minutes.
        await Until.True(() => test.Starts.ContainsKey("good"), cancellationToken: Token);
        var aside = await test.AsideAsync();
        Assert.InRange(aside, 2 * MaxAckPending, 3 * MaxAckPending);
        Assert.InRange(await test.PendingAsync(), 1, MaxAckPending - 1);

        Assert.All(test.Starts, start => Assert.Equal(1, start.Value));

        test.Time.Shift = TimeSpan.FromMinutes(11);
        await Until.True(async () => await test.AsideAsync() == 0, cancellationToken: Token);
        var second = test.Messages.Values.Where(messages => messages.Count == 2).Select(messages => messages.Last()).ToList();
        Assert.Equal(aside, second.Count);
        Assert.All(second, message => Assert.Equal([new("k", "v")], message.Headers));
        foreach (var messages in test.Messages.Values.Where(messages => messages.Count == 2))
        {
            var (first, again) = (messages.First(), messages.Last());
            Assert.Equal((first.Subject, first.Source, first.LetterId, 2), (again.Subject, again.Source, again.LetterId, again.Attempt));
            Assert.NotNull(again.Source.MessageId);
        }
    }

    [Fact]
    public async Task A_message_that_was_set_aside_and_fails_for_good_is_one_letter_with_everything_of_the_original()
    {
        await using var test = await Delayed.StartAsync(nats);
        test.Handle = _ => throw new InvalidOperationException("always");
        for (var i = 0; i < 2 * MaxAckPending; i++)
            await test.PublishAsync($"bad{i}", new() { ["tenant"] = "acme" });
        await Until.True(
            async () =>
            {
                test.Time.Shift += TimeSpan.FromSeconds(10);
                return await test.AsideAsync() == 0 && await test.PendingAsync() == 0;
            },
            cancellationToken: Token);
        var letters = await test.LettersAsync();
        Assert.Equal(2 * MaxAckPending, letters.Count);
        Assert.Equal(Enumerable.Range(1, 2 * MaxAckPending).Select(i => (ulong)i), letters.Select(letter => letter.Source!.Sequence).Order());
        Assert.All(letters, letter => Assert.Equal(("acme", 3, $"{test.Stream}.x", test.Stream), (letter.Tenant, letter.Attempts, letter.Subject, letter.Source!.Stream)));
        Assert.All(letters, letter => Assert.DoesNotContain(letter.Headers, header => header.Key.StartsWith("Dlq-", StringComparison.Ordinal)));
        Assert.All(test.Starts, start => Assert.Equal(3, start.Value));
    }

    private static string Body(WorkMessage message) => Encoding.UTF8.GetString(message.Body.Span);

    private sealed class Delayed : IAsyncDisposable
    {
        private readonly NatsFixture _nats;
        private readonly string _queue = NatsFixture.Unique("q") + ".dlq";
        private ServiceProvider _services = null!;

        private Delayed(NatsFixture nats)
        {
            _nats = nats;
            JetStream = new NatsJSContext(nats.Connection);
        }

        public ShiftedTime Time { get; } = new();

        public NatsJSContext JetStream { get; }

        public string Stream { get; } = NatsFixture.Unique("WORK");

        public Func<WorkMessage, WorkVerdict> Handle { get; set; } = _ => WorkVerdict.Done;

        public ConcurrentDictionary<string, ConcurrentQueue<WorkMessage>> Messages { get; } = new();

        public Dictionary<string, int> Starts => Messages.ToDictionary(pair => pair.Key, pair => pair.Value.Count);

        public static async Task<Delayed> StartAsync(NatsFixture nats)
        {
            var test = new Delayed(nats);
            await test.JetStream.CreateStreamAsync(
                new StreamConfig(test.Stream, [$"{test.Stream}.>"]) { MaxAge = TimeSpan.FromHours(1), MaxBytes = 1 << 20, DuplicateWindow = TimeSpan.FromMinutes(1) }, Token);
            await test.RunAsync();
            return test;
        }

        private async Task RunAsync()
        {
            _services = new ServiceCollection()
                .AddSingleton<INatsConnection>(_nats.Connection)
                .AddSingleton<TimeProvider>(Time)
                .AddSingleton(this)
                .AddTopologyDlq(options =>
                {
                    options.QueueNames.Clear();
                    options.QueueNames.Add(_queue);
                    options.ProcessLetters = false;
                })
                .Configure<DeadLetterQueueOptions>(_queue, options => options.MaxBytes = 1 << 20)
                .AddJetStreamDeadLetterQueues(options =>
                {
                    options.Provision = DeadLetterProvisioning.Create;
                    options.MaxMarkBytes = 1 << 20;
                })
                .AddGuardedConsumer<Handler>("worker", options =>
                {
                    (options.Stream, options.Queue) = (Stream, _queue);
                    (options.Concurrency, options.Prefetch, options.MaxAckPending) = (4, 8, MaxAckPending);
                    options.OutageThreshold = 10_000;
                })
                .BuildServiceProvider();
            foreach (var hosted in _services.GetServices<IHostedService>())
                await hosted.StartAsync(Token);
        }

        public async Task PublishAsync(string body, NatsHeaders headers) =>
            (await JetStream.PublishAsync($"{Stream}.x", Encoding.UTF8.GetBytes(body), headers: headers, cancellationToken: Token)).EnsureSuccess();

        public async Task<int> PendingAsync()
        {
            var info = (await JetStream.GetConsumerAsync(Stream, "worker", Token)).Info;
            return (int)info.NumPending + info.NumAckPending;
        }

        public async Task<long> AsideAsync() =>
            (await JetStream.GetStreamAsync(DeadLetterQueueNames.ToPhysical(_queue) + "_DELAYED", cancellationToken: Token)).Info.State.Messages;

        public async Task<List<DeadLetter>> LettersAsync() =>
            await _services.GetRequiredService<IDeadLetterStore>().QueryAsync(new(_queue), Token).ToListAsync(Token);

        public async ValueTask DisposeAsync()
        {
            foreach (var hosted in _services.GetServices<IHostedService>())
                await hosted.StopAsync(new CancellationToken(canceled: true));
            await _services.DisposeAsync();
        }

        /// <summary>A clock that can be put forward. Timers, and the server, stay with the real one.</summary>
        internal sealed class ShiftedTime : TimeProvider
        {
            public TimeSpan Shift { get; set; }

            public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Shift;
        }

        private sealed class Handler(Delayed test) : IWorkHandler
        {
            public ValueTask<WorkVerdict> HandleAsync(WorkMessage message, CancellationToken cancellationToken)
            {
                test.Messages.GetOrAdd(Body(message), _ => new()).Enqueue(message);
                return ValueTask.FromResult(test.Handle(message));
            }
        }
    }
}
