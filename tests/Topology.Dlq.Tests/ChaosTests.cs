using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

/// <summary>Worker processes and servers that are really killed, stopped and restarted. <c>eng/chaos.sh dlq</c> runs the long form.</summary>
public sealed class ChaosTests
{
    private const int Seed = 42;

    private static readonly bool Full = Environment.GetEnvironmentVariable("TOPOLOGY_FULL") == "1";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_message_that_kills_its_process_is_one_letter_after_max_attempts_and_good_messages_survive()
    {
        await using var chaos = await Chaos.StartAsync();
        await PoisonAsync(chaos, _ => Task.CompletedTask);
    }

    [Fact]
    public async Task The_same_with_workers_that_are_stopped_where_they_are_and_go_on_later()
    {
        await using var chaos = await Chaos.StartAsync(workers: 2);
        await PoisonAsync(chaos, async random =>
        {
            for (var stop = 0; stop < (Full ? 10 : 1); stop++)
            {
                await Task.Delay(random.Next(100, 1_500), Token);
                await chaos.StandStillAsync(random.Next(2), TimeSpan.FromSeconds(2.5)); // ack_wait is a second
            }
        });
    }

    [Fact]
    public async Task The_same_with_workers_that_are_restarted_one_after_another()
    {
        await using var chaos = await Chaos.StartAsync(workers: 2);
        await PoisonAsync(chaos, async random =>
        {
            for (var restart = 0; restart < (Full ? 10 : 2); restart++)
            {
                await Task.Delay(random.Next(100, 1_500), Token);
                await chaos.RestartAsync(restart % 2);
            }
        });
    }

    [Fact]
    public async Task Server_and_consumer_process_are_killed_again_and_again_and_each_dead_message_is_one_letter_and_nothing_is_lost()
    {
        var (bad, kills) = Full ? (20_000, 20) : (600, 2);
        await using var chaos = await Chaos.StartAsync();
        var random = new Random(Seed);
        await chaos.PublishAsync(Enumerable.Range(0, bad).Select(i => $"bad{i}"));
        var (servers, workers) = (0, 0);
        await chaos.RunAsync(async () =>
        {
            // At moments spread over all of the work: after a share of it, and a little later.
            for (var kill = 0; kill < 2 * kills; kill++)
            {
                await chaos.DoneAsync(bad * kill / (2 * kills) + 1);
                await Task.Delay(random.Next(50), Token);
                if (kill % 2 == 0)
                {
                    await chaos.KillServerAsync();
                    servers++;
                }
                else
                {
                    await chaos.KillAsync(0);
                    workers++;
                }
            }
        });

        Assert.Equal((kills, kills), (servers, workers));
        var letters = await chaos.LettersAsync();
        Assert.Equal(bad, letters.Select(letter => letter.Id).Distinct().Count());
        Assert.Equal(bad, letters.Select(letter => Encoding.UTF8.GetString(letter.Body.Span)).Distinct().Count());
        Assert.Equal(bad, letters.Count);
        Report($"{bad} transfers, server killed {servers} times, consumer killed {workers} times: 0 lost, {letters.Count} letters");
    }

    [Fact]
    public async Task A_full_queue_leaves_originals_where_they_are_and_tells_and_takes_them_when_there_is_room()
    {
        var bad = Full ? 2_000 : 300;
        await using var chaos = await Chaos.StartAsync(queueBytes: 1 << 20);
        var padding = new string('x', 4_000);
        await chaos.PublishAsync(Enumerable.Range(0, bad).Select(i => $"bad{i} {padding}"));
        var seen = new HashSet<string>();
        var rounds = 0;
        await chaos.RunAsync(async () =>
        {
            while (seen.Count < bad)
            {
                // Full: it has told, and what is not in the queue is in the stream.
                if (bad - seen.Count > 230)
                    await Until.True(async () => (await chaos.StartsAsync()).ContainsKey("alert:queue-full"), cancellationToken: Token);
                var letters = await chaos.LettersAsync();
                if (letters.Count == 0)
                    continue;
                rounds++;
                Assert.All(letters, letter => Assert.True(seen.Add(Encoding.UTF8.GetString(letter.Body.Span)), "A letter came twice."));
                foreach (var letter in letters)
                    await chaos.CloseAsync(letter.Id);
            }
        });
        Assert.Equal(bad, seen.Count);
        Assert.InRange(rounds, 2, int.MaxValue);
        Report($"{bad} transfers through a queue with room for about 250: 0 lost, emptied {rounds} times");
    }

    private static void Report(string text) => TestContext.Current.SendDiagnosticMessage($"chaos dlq ok, seed {Seed}: {text}");

    private static async Task PoisonAsync(Chaos chaos, Func<Random, Task> disturb)
    {
        var (good, poison) = Full ? (1_000, 10) : (100, 1);
        var random = new Random(Seed);
        await chaos.PublishAsync(
            Enumerable.Range(0, good).Select(i => $"good{i}").Concat(Enumerable.Range(0, poison).Select(i => $"poison{i}")).OrderBy(_ => random.Next()));
        await chaos.RunAsync(() => disturb(random));

        var letters = await chaos.LettersAsync();
        Assert.Equal(poison, letters.Count);
        Assert.All(letters, letter => Assert.Equal(DeadLetterReasons.CrashLoop, letter.Reason));
        var starts = await chaos.StartsAsync();
        var poisonStarts = starts.Where(start => start.Key.StartsWith("poison", StringComparison.Ordinal)).Select(start => start.Value).ToList();
        Assert.All(poisonStarts, count => Assert.InRange(count, 3, 4));
        Assert.Equal(good + poison, starts.Count);
        Report($"{poison} poison among {good} good: poison started {poisonStarts.Min()} to {poisonStarts.Max()} times, 0 good dead-lettered, good started {starts.Values.Sum() - poisonStarts.Sum()} times");
    }

    /// <summary>A server, a work stream, and worker processes that are started again whenever they have ended.</summary>
    private sealed class Chaos : IAsyncDisposable
    {
        private readonly NatsServer _server;
        private readonly NatsConnection _connection;
        private readonly NatsJSContext _jetStream;
        private readonly ServiceProvider _services;
        private readonly Process?[] _workers;
        private readonly long _queueBytes;

        private Chaos(NatsServer server, NatsConnection connection, int workers, long queueBytes)
        {
            _server = server;
            _connection = connection;
            _jetStream = new NatsJSContext(connection);
            _workers = new Process?[workers];
            _queueBytes = queueBytes;
            _services = new ServiceCollection()
                .AddSingleton<INatsConnection>(connection)
                .AddTopologyDlq(options => options.QueueNames.Add(Queue))
                .AddJetStreamDeadLetterQueues(options => options.Provision = DeadLetterProvisioning.Off)
                .BuildServiceProvider();
        }

        private const string Queue = "chaos.dlq";

        public static async Task<Chaos> StartAsync(int workers = 1, long queueBytes = 64 << 20)
        {
            var server = await NatsServer.StartAsync(cancellationToken: Token);
            var connection = await server.ConnectAsync(NatsOpts.Default with
            {
                MaxReconnectRetry = -1,
                ReconnectWaitMin = TimeSpan.FromMilliseconds(20),
                ReconnectWaitMax = TimeSpan.FromMilliseconds(50),
            });
            var chaos = new Chaos(server, connection, workers, queueBytes);
            foreach (var stream in new[] { "WORK", "STARTS" })
                await chaos._jetStream.CreateStreamAsync(new StreamConfig(stream, [stream]) { MaxAge = TimeSpan.FromHours(1), MaxBytes = 64 << 20 }, Token);
            return chaos;
        }

        public async Task PublishAsync(IEnumerable<string> bodies)
        {
            foreach (var batch in bodies.Chunk(200))
            {
                var acks = await Task.WhenAll(batch.Select(body => _jetStream.PublishAsync("WORK", Encoding.UTF8.GetBytes(body), cancellationToken: Token).AsTask()));
                Assert.All(acks, ack => Assert.Null(ack.Error));
            }
        }

        /// <summary>Keeps workers alive until the disturbance is over and nothing is left.</summary>
        public async Task RunAsync(Func<Task> disturbAsync)
        {
            var disturbing = Task.Run(disturbAsync, Token);
            await Until.True(
                async () =>
                {
                    for (var i = 0; i < _workers.Length; i++)
                    {
                        if (_workers[i] is null or { HasExited: true })
                            Launch(i);
                    }

                    if (disturbing.IsFaulted)
                        return true;
                    return disturbing.IsCompleted && await PendingAsync() == 0;
                },
                TimeSpan.FromMinutes(Full ? 30 : 2),
                Token);
            await disturbing;
        }

        /// <summary>Waits until so many messages have been settled.</summary>
        public Task DoneAsync(int messages) => Until.True(
            async () => (await ConsumerAsync())?.AckFloor.StreamSeq >= (ulong)messages, TimeSpan.FromMinutes(5), Token);

        public async Task KillServerAsync()
        {
            await _server.KillAsync(Token);
            await _server.StartAgainAsync(Token);
        }

        public async Task KillAsync(int worker)
        {
            var process = _workers[worker]!;
            process.Kill();
            await process.WaitForExitAsync(Token);
        }

        public async Task StandStillAsync(int worker, TimeSpan time)
        {
            var process = _workers[worker];
            if (process is null or { HasExited: true })
                return;
            Signal(process, "STOP");
            await Task.Delay(time, Token);
            Signal(process, "CONT");
        }

        /// <summary>As an orchestrator does: it asks the process to end, and another takes its place.</summary>
        public async Task RestartAsync(int worker)
        {
            var process = _workers[worker];
            if (process is null or { HasExited: true })
                return;
            Signal(process, "TERM");
            await process.WaitForExitAsync(Token);
        }

        public async Task CloseAsync(string id) =>
            await _services.GetRequiredService<IDeadLetterPublisher>().CloseAsync(Queue, id, "room", Token);

        public async Task<List<DeadLetter>> LettersAsync()
        {
            try
            {
                return await _services.GetRequiredService<IDeadLetterStore>().QueryAsync(new(Queue), Token).ToListAsync(Token);
            }
            catch (DeadLetterException)
            {
                return []; // no worker has made the queue yet
            }
        }

        public async Task<Dictionary<string, int>> StartsAsync()
        {
            var starts = new Dictionary<string, int>();
            var stream = await _jetStream.GetStreamAsync("STARTS", cancellationToken: Token);
            var name = NatsFixture.Unique("reader");
            var consumer = await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig(name) { AckPolicy = ConsumerConfigAckPolicy.None }, Token);
            var left = stream.Info.State.Messages;
            while (left > 0)
            {
                await foreach (var message in consumer.FetchAsync(new NatsJSFetchOpts { MaxMsgs = (int)Math.Min(left, 1_000) }, NatsRawSerializer<byte[]>.Default, Token))
                {
                    var body = Encoding.UTF8.GetString(message.Data ?? []);
                    starts[body] = starts.GetValueOrDefault(body) + 1;
                    left--;
                }
            }

            await stream.DeleteConsumerAsync(name, Token);
            return starts;
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var worker in _workers)
            {
                if (worker is { HasExited: false })
                    worker.Kill();
                worker?.Dispose();
            }

            await _services.DisposeAsync();
            await _connection.DisposeAsync();
            await _server.DisposeAsync();
        }

        private static void Signal(Process process, string signal)
        {
            using var kill = Process.Start("kill", [$"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture)]);
            kill.WaitForExit();
        }

        private void Launch(int worker)
        {
            _workers[worker]?.Dispose();
            var assembly = Path.Combine(AppContext.BaseDirectory, "Topology.Dlq.ChaosWorker.dll");
            string[] arguments = [assembly, _server.Url, "WORK", "STARTS", Queue, _queueBytes.ToString(CultureInfo.InvariantCulture)];
            _workers[worker] = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true });
        }

        private async Task<long> PendingAsync() =>
            await ConsumerAsync() is { } info ? (long)info.NumPending + info.NumAckPending : long.MaxValue;

        private async Task<ConsumerInfo?> ConsumerAsync()
        {
            try
            {
                return (await _jetStream.GetConsumerAsync("WORK", "worker", Token)).Info;
            }
            catch (NatsException)
            {
                return null;
            }
        }
    }
}
