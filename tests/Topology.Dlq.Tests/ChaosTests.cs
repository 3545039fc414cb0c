using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

/// <summary>A worker process that is really killed. <c>eng/chaos.sh dlq</c> runs the long form.</summary>
public sealed class ChaosTests(NatsFixture nats)
{
    private static readonly bool Full = Environment.GetEnvironmentVariable("TOPOLOGY_FULL") == "1";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_message_that_kills_its_process_is_one_letter_after_max_attempts_and_good_messages_survive()
    {
        var (good, poison) = Full ? (1_000, 10) : (100, 1);
        await using var chaos = await Chaos.StartAsync(nats);
        var random = new Random(42);
        var bodies = Enumerable.Range(0, good).Select(i => $"good{i}").Concat(Enumerable.Range(0, poison).Select(i => $"poison{i}")).OrderBy(_ => random.Next());
        await chaos.RunAsync(bodies, kills: 0);

        var letters = await chaos.LettersAsync();
        Assert.Equal(poison, letters.Count);
        Assert.All(letters, letter => Assert.Equal(DeadLetterReasons.CrashLoop, letter.Reason));
        var starts = await chaos.StartsAsync();
        Assert.All(starts.Where(start => start.Key.StartsWith("poison", StringComparison.Ordinal)), start => Assert.InRange(start.Value, 3, 4));
        Assert.Equal(good + poison, starts.Count);
    }

    [Fact]
    public async Task The_consumer_process_is_killed_again_and_again_and_each_dead_message_is_one_letter_and_nothing_is_lost()
    {
        var (good, bad, kills) = Full ? (10_000, 10_000, 20) : (500, 500, 2);
        await using var chaos = await Chaos.StartAsync(nats);
        await chaos.RunAsync(Enumerable.Range(0, good + bad).Select(i => i % 2 == 0 ? $"good{i}" : $"bad{i}"), kills);

        var letters = (await chaos.LettersAsync()).Select(letter => Encoding.UTF8.GetString(letter.Body.Span)).ToList();
        Assert.Equal(bad, letters.Count);
        Assert.Equal(bad, letters.Distinct().Count());
        Assert.All(letters, body => Assert.StartsWith("bad", body, StringComparison.Ordinal));
        Assert.Equal(good + bad, (await chaos.StartsAsync()).Count);
    }

    private sealed class Chaos : IAsyncDisposable
    {
        private readonly NatsFixture _nats;
        private readonly NatsJSContext _jetStream;
        private readonly string _work = NatsFixture.Unique("WORK");
        private readonly string _starts = NatsFixture.Unique("STARTS");
        private readonly string _queue = NatsFixture.Unique("q") + ".dlq";
        private ServiceProvider? _services;
        private Process? _worker;

        private Chaos(NatsFixture nats)
        {
            _nats = nats;
            _jetStream = new NatsJSContext(nats.Connection);
        }

        public static async Task<Chaos> StartAsync(NatsFixture nats)
        {
            var chaos = new Chaos(nats);
            foreach (var stream in new[] { chaos._work, chaos._starts })
                await chaos._jetStream.CreateStreamAsync(new StreamConfig(stream, [stream]) { MaxAge = TimeSpan.FromHours(1), MaxBytes = 16 << 20 }, Token);
            return chaos;
        }

        /// <summary>Publishes, and keeps a worker alive until nothing is left, killing it now and then.</summary>
        public async Task RunAsync(IEnumerable<string> bodies, int kills)
        {
            foreach (var batch in bodies.Chunk(200))
            {
                var acks = await Task.WhenAll(batch.Select(body => _jetStream.PublishAsync(_work, Encoding.UTF8.GetBytes(body), cancellationToken: Token).AsTask()));
                Assert.All(acks, ack => Assert.Null(ack.Error));
            }

            var began = TimeProvider.System.GetTimestamp();
            var killed = 0;
            var seen = 0L;
            while (true)
            {
                Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromMinutes(Full ? 30 : 2), "It did not end in time.");
                if (_worker is null or { HasExited: true })
                    Launch();
                var info = await ConsumerAsync();
                if (info is { NumPending: 0, NumAckPending: 0 })
                {
                    TestContext.Current.SendDiagnosticMessage($"killed {killed} times");
                    Assert.True(kills == 0 || killed > 0, "Nothing was killed.");
                    return;
                }

                // Only while it is at work, and each time a little later.
                if (killed < kills && info is { NumAckPending: > 0 } && (long)info.Delivered.StreamSeq > seen)
                {
                    seen = (long)info.Delivered.StreamSeq;
                    killed++;
                    _worker!.Kill();
                    await _worker.WaitForExitAsync(Token);
                }

                await Task.Delay(20, Token);
            }
        }

        public async Task<List<DeadLetter>> LettersAsync()
        {
            _services ??= new ServiceCollection()
                .AddSingleton<INatsConnection>(_nats.Connection)
                .AddTopologyDlq(options => options.QueueNames.Add(_queue))
                .AddJetStreamDeadLetterQueues(options => options.Provision = DeadLetterProvisioning.Off)
                .BuildServiceProvider();
            return await _services.GetRequiredService<IDeadLetterStore>().QueryAsync(new(_queue), Token).ToListAsync(Token);
        }

        public async Task<Dictionary<string, int>> StartsAsync()
        {
            var starts = new Dictionary<string, int>();
            var stream = await _jetStream.GetStreamAsync(_starts, cancellationToken: Token);
            var consumer = await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig("reader") { AckPolicy = ConsumerConfigAckPolicy.None }, Token);
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

            return starts;
        }

        public async ValueTask DisposeAsync()
        {
            if (_worker is { HasExited: false })
                _worker.Kill();
            _worker?.Dispose();
            if (_services is not null)
                await _services.DisposeAsync();
        }

        private void Launch()
        {
            _worker?.Dispose();
            var worker = Path.Combine(AppContext.BaseDirectory, "Topology.Dlq.ChaosWorker.dll");
            _worker = Process.Start(new ProcessStartInfo("dotnet", [worker, _nats.Url, _work, _starts, _queue]) { RedirectStandardOutput = true });
        }

        private async Task<ConsumerInfo?> ConsumerAsync()
        {
            try
            {
                return (await _jetStream.GetConsumerAsync(_work, "worker", Token)).Info;
            }
            catch (NatsJSApiException)
            {
                return null;
            }
        }
    }
}
