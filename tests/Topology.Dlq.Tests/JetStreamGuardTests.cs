using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.Retry;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

/// <summary>Work stream, guarded consumer, queue and redrive on a real server.</summary>
public sealed class JetStreamGuardTests(NatsFixture nats)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_message_fails_is_dead_lettered_redriven_and_succeeds_with_everything_it_carried()
    {
        await using var app = await App.StartAsync(nats.Connection);
        app.Handle = message => throw new PermanentException("not yet");
        await app.PublishAsync("one", new() { ["k"] = "v", ["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" });
        await Until.True(async () => (await app.LettersAsync()).Count == 1, cancellationToken: Token);
        await Until.True(async () => await app.PendingAsync() == 0, cancellationToken: Token); // the ack comes after the letter

        WorkMessage? redriven = null;
        app.Handle = message =>
        {
            redriven = message;
            return WorkVerdict.Done;
        };
        var letter = (await app.LettersAsync())[0];
        var plan = await app.Redrive.PlanAsync(new(new(app.Queue)), Token);
        Assert.Equal((1, true), (plan.Letters, plan.HasTarget));
        var result = await app.Redrive.RunAsync(new(new(app.Queue)), cancellationToken: Token);
        Assert.Equal(1, result.Redriven);
        await Until.True(() => Volatile.Read(ref redriven) is not null, cancellationToken: Token);
        Assert.Equal("one", Encoding.UTF8.GetString(redriven!.Body.Span));
        Assert.Equal([new("k", "v"), new("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")], redriven.Headers);
        Assert.Equal((1, $"redrive:{letter.Id}:1"), (redriven.RedriveCount, redriven.RedriveId));
        Assert.Empty(await app.LettersAsync());
    }

    [Fact]
    public async Task A_redrive_that_was_published_before_a_crash_is_found_and_not_published_again()
    {
        await using var app = await App.StartAsync(nats.Connection);
        app.Handle = message => message.RedriveId is null ? throw new PermanentException("not yet") : WorkVerdict.Done;
        await app.PublishAsync("one");
        await Until.True(async () => (await app.LettersAsync()).Count == 1, cancellationToken: Token);
        var letter = (await app.LettersAsync())[0];
        var target = app.Services.GetRequiredService<Internal.SourceRedriveTarget>();
        var position = await ((IRedriveTarget)target).GetPositionAsync(letter, Token);
        var id = $"redrive:{letter.Id}:1";
        Assert.False(await target.IsPresentAsync(letter, id, position, Token));
        var mark = await app.Provider.ReadMarkAsync(app.Queue, letter.Id, Token);
        await app.Provider.TryWriteMarkAsync(mark with { RedriveStarted = 1, RedrivePosition = position }, Token);
        await target.RedriveAsync(letter with { RedriveCount = 1 }, id, Token);
        Assert.True(await target.IsPresentAsync(letter, id, position, Token));

        // The window in which the stream itself would drop a second one is over.
        await app.PublishAsync("probe", new() { ["Nats-Msg-Id"] = "probe" });
        var config = (await app.JetStream.GetStreamAsync(app.Stream, cancellationToken: Token)).Info.Config;
        await app.JetStream.UpdateStreamAsync(config with { DuplicateWindow = TimeSpan.FromMilliseconds(100) }, Token);
        await Until.True(
            async () => !(await app.JetStream.PublishAsync($"{app.Stream}.x", "probe", opts: new NatsJSPubOpts { MsgId = "probe" }, cancellationToken: Token)).Duplicate,
            cancellationToken: Token);

        var before = await app.StreamMessagesAsync();
        var result = await app.Redrive.RunAsync(new(new(app.Queue) { Id = letter.Id }), cancellationToken: Token);
        Assert.Equal((1, 1), (result.Redriven, result.Resumed));
        Assert.Equal(before, await app.StreamMessagesAsync());
        Assert.Equal("redriven: 1", (await app.Provider.ReadMarkAsync(app.Queue, letter.Id, Token)).Closed);
    }

    [Fact]
    public async Task A_message_transferred_as_one_class_and_after_the_dedup_window_as_another_is_one_letter()
    {
        await using var app = await App.StartAsync(nats.Connection, start: false);
        var letter = new DeadLetter { Queue = app.Queue, Id = "a", Subject = "s", Reason = DeadLetterReasons.Rejected, Tenant = "acme" };
        Assert.True(await app.Provider.AppendAsync(letter, Token)); // and the process ends before the mark

        var name = DeadLetterQueueNames.ToPhysical(app.Queue);
        var config = (await app.JetStream.GetStreamAsync(name, cancellationToken: Token)).Info.Config;
        await app.JetStream.UpdateStreamAsync(config with { DuplicateWindow = TimeSpan.FromMilliseconds(100) }, Token);
        var elsewhere = app.Queue.Replace(".dlq", ".failed", StringComparison.Ordinal);
        await Until.True(
            async () => !(await app.JetStream.PublishAsync(elsewhere, "x", opts: new NatsJSPubOpts { MsgId = "a" }, cancellationToken: Token)).Duplicate,
            cancellationToken: Token);
        Assert.Equal(
            DeadLetterOutcome.AlreadyPresent, (await app.Publisher.PublishAsync(letter with { Reason = DeadLetterReasons.MaxAttempts }, Token)).Outcome);
        var kept = Assert.Single(await app.LettersAsync(), kept => kept.Id == "a");
        Assert.Equal(DeadLetterReasons.Rejected, kept.Reason);
        Assert.True((await app.Provider.ReadMarkAsync(app.Queue, "a", Token)).Transferred);
    }

    [Fact]
    public async Task Whatever_a_work_message_holds_and_however_it_fails_it_is_dead_lettered_and_its_body_comes_back()
    {
        await using var app = await App.StartAsync(nats.Connection, queue => queue.MaxBytes = 64 << 20, start: false, workBytes: 64 << 20);
        var random = new Random(9);
        string[] pieces = ["a", " ", "%41", "\n", "😀", "漢", "\u0001", "Nats-Msg-Id: x", "=", ">", "*", new string('v', 5_000)];
        string Text(bool line = false) => string.Concat(Enumerable.Range(0, random.Next(6)).Select(_ => pieces[random.Next(pieces.Length)])).Replace("\n", line ? "" : "\n", StringComparison.Ordinal);
        var max = nats.Connection.ServerInfo!.MaxPayload;
        var bodies = new List<byte[]>();
        for (var i = 0; i < 60; i++)
        {
            var headers = new NatsHeaders { ["tenant"] = Text(line: true), ["workflow-id"] = Text(line: true), ["h"] = Text(line: true), ["Dlq-Reason"] = "mine" };
            bodies.Add(new byte[i % 10 == 0 ? max - 40_000 : random.Next(3_000)]);
            random.NextBytes(bodies[^1]);
            var subject = random.Next(3) switch { 0 => "$weird", 1 => "a-_~!'", _ => "x.y.漢" };
            (await app.JetStream.PublishAsync($"{app.Stream}.{subject}", bodies[^1], NatsRawSerializer<byte[]>.Default, headers: headers, cancellationToken: Token)).EnsureSuccess();
        }

        app.Handle = message => throw new PermanentException(Text() + "\r\n" + (message.Source.Sequence % 7 == 0 ? new string('\n', 1 << 20) : Text()));
        await app.RestartAsync();
        await Until.True(async () => await app.QuietLettersAsync() == bodies.Count && await app.PendingAsync() == 0, TimeSpan.FromSeconds(60), Token);
        var letters = (await app.LettersAsync()).ToDictionary(letter => (int)letter.Source!.Sequence - 1);
        Assert.Equal(bodies.Count, letters.Count);
        Assert.All(letters, letter => Assert.True(letter.Value.Body.Span.SequenceEqual(bodies[letter.Key]), $"The body of {letter.Key} differs."));
    }

    [Fact]
    public async Task A_letter_whose_subject_is_its_own_queues_is_not_redriven()
    {
        await using var app = await App.StartAsync(nats.Connection);
        await app.Publisher.PublishAsync(
            new DeadLetter
            {
                Queue = app.Queue,
                Id = "a",
                Subject = app.Queue.Replace(".dlq", ".failed", StringComparison.Ordinal) + ".x",
                Reason = "r",
                Source = new(app.Stream, 1, "c", TimeProvider.System.GetUtcNow()),
            },
            Token);
        var result = await app.Redrive.RunAsync(new(new(app.Queue)), cancellationToken: Token);
        Assert.Equal((0, 1), (result.Redriven, result.Failed));
        Assert.Contains("a subject of its own queue", result.Failures[0].Value, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_original_delivered_again_after_its_letter_was_redriven_and_the_dedup_window_is_over_makes_no_second_letter()
    {
        await using var app = await App.StartAsync(nats.Connection);
        app.Handle = message => message.RedriveId is null ? throw new PermanentException("not yet") : WorkVerdict.Done;
        await app.PublishAsync("one");
        await Until.True(async () => (await app.LettersAsync()).Count == 1, cancellationToken: Token);
        await app.Redrive.RunAsync(new(new(app.Queue)), cancellationToken: Token);

        // A killed server may deliver an acknowledged message again, with its count lost; a consumer made anew does the same.
        // Without the window: the queue's stream is purged of its memory of ids by being made anew.
        await app.StopAsync();
        await app.JetStream.DeleteStreamAsync(DeadLetterQueueNames.ToPhysical(app.Queue), Token);
        await app.JetStream.DeleteConsumerAsync(app.Stream, App.Consumer, Token);
        await app.RestartAsync();
        var seen = app.Starts;
        await Until.True(async () => await app.PendingAsync() == 0 && app.Starts > seen, cancellationToken: Token);
        Assert.Empty(await app.LettersAsync());
    }

    [Fact]
    public async Task A_work_stream_that_keeps_messages_longer_than_marks_is_refused()
    {
        await using var app = await App.StartAsync(nats.Connection, queue => queue.MaxAge = TimeSpan.FromDays(1), TimeSpan.FromDays(5), start: false);
        var topology = app.Services.GetRequiredService<Internal.JetStreamTopology>();
        var refused = await Assert.ThrowsAsync<DeadLetterException>(
            async () => await topology.EnsureWorkAsync("c", new() { Stream = app.Stream, Queue = app.Queue }, Token));
        Assert.Contains("mark_max_age is 2.00:00:00; it must be 6.00:00:00 or more", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_server_is_killed_again_and_again_and_each_poison_message_is_one_letter_and_nothing_is_lost()
    {
        await using var server = await NatsServer.StartAsync(cancellationToken: Token);
        await using var connection = await server.ConnectAsync(NatsOpts.Default with
        {
            MaxReconnectRetry = -1,
            ReconnectWaitMin = TimeSpan.FromMilliseconds(50),
            ReconnectWaitMax = TimeSpan.FromMilliseconds(100),
        });
        await using var app = await App.StartAsync(connection);
        var done = new ConcurrentDictionary<string, int>();
        app.Handle = message =>
        {
            var body = Encoding.UTF8.GetString(message.Body.Span);
            if (int.Parse(body, CultureInfo.InvariantCulture) % 2 == 0)
                throw new PermanentException("even");
            done.AddOrUpdate(body, 1, (_, times) => times + 1);
            return WorkVerdict.Done;
        };
        const int Messages = 1_500;
        var publishing = Task.Run(
            async () =>
            {
                for (var i = 0; i < Messages; i++)
                {
                    while (!await app.TryPublishAsync(i.ToString(CultureInfo.InvariantCulture)))
                        await Task.Delay(20, Token);
                }
            },
            Token);
        for (var kill = 0; kill < 3; kill++)
        {
            await Task.Delay(400, Token);
            await server.KillAsync(Token);
            await server.StartAgainAsync(Token);
        }

        await publishing;
        await Until.True(
            async () => done.Count == Messages / 2 && await app.QuietLettersAsync() >= Messages / 2 && await app.PendingAsync() == 0,
            TimeSpan.FromSeconds(60),
            Token);
        var letters = await app.LettersAsync();
        Assert.Equal(Messages / 2, letters.Select(letter => letter.Id).Distinct().Count());
        Assert.Equal(Messages / 2, letters.Count);
        Assert.Equal(Messages / 2, letters.Select(letter => Encoding.UTF8.GetString(letter.Body.Span)).Distinct().Count());
    }

    private sealed class App : IAsyncDisposable
    {
        private readonly INatsConnection _connection;
        private readonly Action<DeadLetterQueueOptions> _configure;
        private ServiceProvider? _services;
        private int _starts;

        private App(INatsConnection connection, Action<DeadLetterQueueOptions> configure)
        {
            _connection = connection;
            _configure = configure;
            JetStream = new NatsJSContext(connection);
        }

        public string Queue { get; } = NatsFixture.Unique("q") + ".dlq";

        public string Stream { get; } = NatsFixture.Unique("WORK");

        public const string Consumer = "worker";

        public int Starts => _starts;

        public Func<WorkMessage, WorkVerdict> Handle { get; set; } = _ => WorkVerdict.Done;

        public NatsJSContext JetStream { get; }

        public IServiceProvider Services => _services!;

        public IDeadLetterQueueProvider Provider => _services!.GetRequiredService<IDeadLetterQueueProvider>();

        public IDeadLetterPublisher Publisher => _services!.GetRequiredService<IDeadLetterPublisher>();

        public IDeadLetterRedrive Redrive => _services!.GetRequiredService<IDeadLetterRedrive>();

        public static async Task<App> StartAsync(
            INatsConnection connection, Action<DeadLetterQueueOptions>? configure = null, TimeSpan? maxAge = null, bool start = true, long workBytes = 8 << 20)
        {
            var app = new App(connection, options =>
            {
                options.MaxBytes = 8 << 20;
                configure?.Invoke(options);
            });
            await app.JetStream.CreateStreamAsync(
                new StreamConfig(app.Stream, [$"{app.Stream}.>"]) { MaxAge = maxAge ?? TimeSpan.FromMinutes(30), MaxBytes = workBytes, DuplicateWindow = TimeSpan.FromMinutes(1) }, Token);
            app.Build();
            if (start)
                await app.StartHostedAsync();
            return app;
        }

        public async Task RestartAsync()
        {
            await _services!.DisposeAsync();
            Build();
            await StartHostedAsync();
        }

        public async Task StopAsync()
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            foreach (var hosted in _services!.GetServices<IHostedService>())
                await hosted.StopAsync(limit.Token);
        }

        public async Task PublishAsync(string body, NatsHeaders? headers = null)
        {
            var ack = await JetStream.PublishAsync($"{Stream}.x", Encoding.UTF8.GetBytes(body), headers: headers, cancellationToken: Token);
            ack.EnsureSuccess();
        }

        public async Task<bool> TryPublishAsync(string body)
        {
            try
            {
                var ack = await JetStream.PublishAsync(
                    $"{Stream}.x", Encoding.UTF8.GetBytes(body), opts: new NatsJSPubOpts { MsgId = body }, cancellationToken: Token);
                return ack.Error is null;
            }
            catch (NatsException)
            {
                return false;
            }
        }

        public async Task<List<DeadLetter>> LettersAsync() =>
            await _services!.GetRequiredService<IDeadLetterStore>().QueryAsync(new(Queue), Token).ToListAsync(Token);

        public async Task<long> QuietLettersAsync()
        {
            try
            {
                return (await Provider.SampleAsync(Queue, Token)).Letters;
            }
            catch (DeadLetterException)
            {
                return -1;
            }
        }

        public async Task<long> PendingAsync()
        {
            try
            {
                var info = (await JetStream.GetConsumerAsync(Stream, Consumer, Token)).Info;
                return (long)info.NumPending + info.NumAckPending;
            }
            catch (NatsException)
            {
                return -1;
            }
        }

        public async Task<long> StreamMessagesAsync() => (await JetStream.GetStreamAsync(Stream, cancellationToken: Token)).Info.State.Messages;

        public async ValueTask DisposeAsync()
        {
            await StopAsync();
            await _services!.DisposeAsync();
        }

        private void Build()
        {
            var services = new ServiceCollection();
            services.AddSingleton(_connection);
            services.AddSingleton(this);
            services.AddTopologyDlq(options =>
            {
                options.QueueNames.Clear();
                options.QueueNames.Add(Queue);
                options.ProcessLetters = false;
            });
            services.Configure(Queue, _configure);
            services.AddJetStreamDeadLetterQueues(options =>
            {
                options.Provision = DeadLetterProvisioning.Create;
                options.MaxMarkBytes = 32 << 20;
            });
            services.AddGuardedConsumer<Handler>(Consumer, options =>
            {
                options.Stream = Stream;
                options.Queue = Queue;
                options.AckWait = TimeSpan.FromSeconds(2);
                options.OutageThreshold = 10_000;
            });
            services.AddSourceRedriveTarget(Queue);
            _services = services.BuildServiceProvider();
        }

        private async Task StartHostedAsync()
        {
            foreach (var hosted in _services!.GetServices<IHostedService>())
                await hosted.StartAsync(Token);
        }

        private sealed class Handler(App app) : IWorkHandler
        {
            public ValueTask<WorkVerdict> HandleAsync(WorkMessage message, CancellationToken cancellationToken)
            {
                Interlocked.Increment(ref app._starts);
                return ValueTask.FromResult(app.Handle(message));
            }
        }
    }
}
