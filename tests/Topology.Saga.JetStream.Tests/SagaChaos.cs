using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.Saga.ChaosWorker;
using Topology.TestKit;

namespace Topology.Saga.JetStream.Tests;

/// <summary>A server, a bank behind a proxy, and worker processes that are started again whenever they have ended.</summary>
internal sealed class SagaChaos : IAsyncDisposable
{
    private readonly NatsServer _server;
    private readonly NatsConnection _connection;
    private readonly NatsJSContext _jetStream;
    private readonly FaultProxy _wayToBank;
    private readonly FaultProxy _wayToStore;
    private readonly ServiceProvider _services;
    private readonly Process?[] _workers;
    private Task _watching = Task.CompletedTask;
    private int _launched;
    private int _late;

    private SagaChaos(NatsServer server, NatsConnection connection, int workers)
    {
        _server = server;
        _connection = connection;
        _jetStream = new(connection);
        _wayToBank = FaultProxy.Start(server.Port);
        _wayToStore = FaultProxy.Start(server.Port);
        _workers = new Process?[workers];
        _services = new ServiceCollection().AddLogging(logging => logging.SetMinimumLevel(LogLevel.None))
            .AddSingleton<INatsConnection>(connection).AddSingleton(new Bank(connection)).AddTransfers().BuildServiceProvider();
    }

    public ISagaClient Sagas => _services.GetRequiredService<ISagaClient>();

    /// <summary>Gets the way of the first worker to the bank.</summary>
    public FaultProxy WayToBank => _wayToBank;

    /// <summary>Gets the way of the second worker to its sagas.</summary>
    public FaultProxy WayToStore => _wayToStore;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<SagaChaos> StartAsync(int workers)
    {
        var server = await NatsServer.StartAsync(cancellationToken: Token);
        var connection = await server.ConnectAsync(NatsOpts.Default with
        {
            MaxReconnectRetry = -1,
            ReconnectWaitMin = TimeSpan.FromMilliseconds(20),
            ReconnectWaitMax = TimeSpan.FromMilliseconds(50),
        });
        var chaos = new SagaChaos(server, connection, workers);
        foreach (var stream in new[] { Bank.Stream, "TOLD" })
        {
            await chaos._jetStream.CreateStreamAsync(new StreamConfig(stream, [$"{stream}.>"]) { MaxBytes = 256 << 20, AllowDirect = true }, Token);
        }

        chaos._watching = chaos.WatchAsync(await connection.SubscribeCoreAsync<string>($"{Bank.Stream}.>", cancellationToken: Token));
        return chaos;
    }

    /// <summary>Starts a transfer; an answer that is lost is asked for again.</summary>
    public async Task<SagaId> TransferAsync(int number)
    {
        while (true)
        {
            try
            {
                return await Sagas.StartAsync(Transfers.Definition, $"t{number}", number, cancellationToken: Token);
            }
            catch (SagaStoreException)
            {
                Token.ThrowIfCancellationRequested();
            }
        }
    }

    /// <summary>Keeps workers alive until the disturbance is over and every saga has ended; an operator retries those that rest.</summary>
    public async Task<Dictionary<SagaId, SagaSnapshot>> RunAsync(List<SagaId> ids, Func<Task> disturbAsync, TimeSpan within)
    {
        var disturbing = Task.Run(disturbAsync, Token);
        var ended = new Dictionary<SagaId, SagaSnapshot>();
        await Until.True(
            async () =>
            {
                KeepAlive();
                if (!disturbing.IsCompleted)
                {
                    return false;
                }

                await disturbing;
                foreach (var id in ids.Where(id => !ended.ContainsKey(id)).Take(500).ToList())
                {
                    var saga = (await Sagas.GetAsync(id, Token))!;
                    if (saga.Status is SagaStatus.Completed or SagaStatus.Compensated or SagaStatus.Cancelled)
                    {
                        ended[id] = saga;
                    }
                    else if (saga.IsSettled)
                    {
                        await RetryAsync(saga);
                    }
                }

                return ended.Count == ids.Count;
            },
            within,
            Token);
        return ended;
    }

    public async Task KillServerAsync()
    {
        await _server.KillAsync(Token);
        await _server.StartAgainAsync(Token);
    }

    /// <summary>Kills a worker; whoever keeps them alive sees that it has exited.</summary>
    public void Kill(int worker)
    {
        // A process object that is replaced meanwhile throws, and a wait for its end would last for ever.
        lock (_workers)
        {
            if (_workers[worker] is { HasExited: false } process)
            {
                process.Kill();
            }
        }
    }

    public async Task StandStillAsync(int worker, TimeSpan time)
    {
        int id;
        lock (_workers)
        {
            if (_workers[worker] is not { HasExited: false } process)
            {
                return;
            }

            id = process.Id;
        }

        Signal(id, "STOP");
        await Task.Delay(time, Token);
        Signal(id, "CONT");
    }

    /// <summary>Returns what happened to each booking, in order: <c>do</c>, <c>undo</c>.</summary>
    public async Task<ILookup<string, string>> BookingsAsync() =>
        (await ReadAsync(Bank.Stream)).ToLookup(entry => entry.Subject[(Bank.Stream.Length + 1)..], entry => entry.Body.Split(' ')[0]);

    /// <summary>Gets how many bookings came to the bank after they had been undone.</summary>
    public int Late => _late;

    /// <summary>Returns which process told of each saga's entries, in order. The one that wrote it, unless it died before it could tell that a saga rests.</summary>
    public async Task<ILookup<string, (long Version, string Process)>> ToldAsync() => (await ReadAsync("TOLD")).ToLookup(
        entry => entry.Subject.Split('.')[1], entry => (long.Parse(entry.Subject.Split('.')[2], CultureInfo.InvariantCulture), entry.Body));

    public async Task<IReadOnlyList<SagaStoredEntry>> HistoryAsync(SagaId id) => await _services.GetRequiredService<ISagaJournal>().ReadAsync(id, 0, Token);

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in _workers)
        {
            if (worker is { HasExited: false })
            {
                worker.Kill();
            }

            worker?.Dispose();
        }

        await _services.DisposeAsync();
        await _wayToBank.DisposeAsync();
        await _wayToStore.DisposeAsync();
        await _connection.DisposeAsync();
        await _watching;
        await _server.DisposeAsync();
    }

    /// <summary>Sees whatever comes to the bank, also what it refuses.</summary>
    private async Task WatchAsync(INatsSub<string> bank)
    {
        var undone = new HashSet<string>();
        await foreach (var request in bank.Msgs.ReadAllAsync(Token))
        {
            if (request.Data!.StartsWith("undo", StringComparison.Ordinal))
            {
                undone.Add(request.Subject);
            }
            else if (undone.Contains(request.Subject))
            {
                Interlocked.Increment(ref _late);
            }
        }
    }

    private static void Signal(int process, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", process.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private static string Url(FaultProxy proxy) => $"nats://127.0.0.1:{proxy.Port}";

    private void KeepAlive()
    {
        for (var i = 0; i < _workers.Length; i++)
        {
            lock (_workers)
            {
                if (_workers[i] is { HasExited: false })
                {
                    continue;
                }

                _workers[i]?.Dispose();
                var (store, bank) = (i == 1 ? Url(_wayToStore) : _server.Url, i == 0 ? Url(_wayToBank) : _server.Url);
                string[] arguments = [Path.Combine(AppContext.BaseDirectory, "Topology.Saga.ChaosWorker.dll"), store, bank, $"w{_launched++}"];
                _workers[i] = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true });
            }
        }
    }

    private async Task RetryAsync(SagaSnapshot saga)
    {
        foreach (var step in saga.Steps.Where(step => step.Status == SagaStepStatus.Exhausted || saga.Status == SagaStatus.Parked))
        {
            await _services.GetRequiredService<ISagaOperator>().DecideAsync(saga.Id, new(SagaVerb.Retry, step.StepId, "test", "the disturbance is over"), Token);
            return;
        }
    }

    private async Task<List<(string Subject, string Body)>> ReadAsync(string stream)
    {
        var entries = new List<(string, string)>();
        var found = await _jetStream.GetStreamAsync(stream, cancellationToken: Token);
        var consumer = await found.CreateOrUpdateConsumerAsync(new ConsumerConfig(NatsFixture.Unique("reader")) { AckPolicy = ConsumerConfigAckPolicy.None }, Token);
        while (entries.Count < found.Info.State.Messages)
        {
            await foreach (var message in consumer.FetchAsync(new NatsJSFetchOpts { MaxMsgs = 1_000, Expires = TimeSpan.FromSeconds(2) }, NatsRawSerializer<byte[]>.Default, Token))
            {
                entries.Add((message.Subject, Encoding.UTF8.GetString(message.Data ?? [])));
            }
        }

        return entries;
    }
}
