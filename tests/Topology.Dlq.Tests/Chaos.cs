using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

/// <summary>A server, a work stream, and worker processes that are started again whenever they have ended.</summary>
internal sealed class Chaos : IAsyncDisposable
{
    public const int Seed = 42;

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

    public static bool Full { get; } = Environment.GetEnvironmentVariable("TOPOLOGY_FULL") == "1";

    private const string Queue = "chaos.dlq";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static void Report(string text) => TestContext.Current.SendDiagnosticMessage($"chaos dlq ok, seed {Seed}: {text}");

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
                // Whoever disturbs holds no process object while it is replaced: a wait for the end of a disposed one lasts for ever.
                lock (_workers)
                {
                    for (var i = 0; i < _workers.Length; i++)
                    {
                        if (_workers[i] is null or { HasExited: true })
                            Launch(i);
                    }
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

    /// <summary>Kills a worker that lives; whoever keeps them alive sees that it has exited.</summary>
    public Task KillAsync(int worker) => Until.True(
        () =>
        {
            lock (_workers)
            {
                if (_workers[worker] is not { HasExited: false } process)
                    return false;
                process.Kill();
                return true;
            }
        },
        cancellationToken: Token);

    public async Task StandStillAsync(int worker, TimeSpan time)
    {
        if (Living(worker) is not { } id)
            return;
        Signal(id, "STOP");
        await Task.Delay(time, Token);
        Signal(id, "CONT");
    }

    /// <summary>As an orchestrator does: it asks the process to end, and another takes its place.</summary>
    public async Task RestartAsync(int worker)
    {
        if (Living(worker) is not { } id)
            return;
        Signal(id, "TERM");
        await Until.True(() => Living(worker) != id, cancellationToken: Token);
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

    private static void Signal(int process, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", process.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <returns>The worker's process id, or null while it is not there.</returns>
    private int? Living(int worker)
    {
        lock (_workers)
            return _workers[worker] is { HasExited: false } process ? process.Id : null;
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
