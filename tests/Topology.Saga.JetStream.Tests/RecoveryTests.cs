using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using Topology.Saga.ChaosWorker;
using Topology.TestKit;

namespace Topology.Saga.JetStream.Tests;

/// <summary>A process that is killed with all it has in hand, and how long it takes until another has taken that over. Long form: <c>eng/chaos.sh saga</c>.</summary>
public sealed class RecoveryTests
{
    private static readonly bool _isFull = Environment.GetEnvironmentVariable("TOPOLOGY_FULL") == "1";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(10_000)]
    public async Task What_a_killed_process_had_in_hand_another_ends(int interrupted)
    {
        var sagas = _isFull ? interrupted : Math.Min(interrupted, 200);
        var lease = TimeSpan.FromSeconds(_isFull ? 10 : 2);
        await using var server = await NatsServer.StartAsync(cancellationToken: Token);
        await using var connection = await server.ConnectAsync(NatsOpts.Default with { RequestReplyMode = NatsRequestReplyMode.Direct });
        var services = new ServiceCollection().AddLogging(logging => logging.SetMinimumLevel(LogLevel.None)).AddSingleton<INatsConnection>(connection);
        var definition = services.AddErrands(lease, isStuck: false);
        await using var provider = services.BuildServiceProvider();
        await Parallel.ForEachAsync(Enumerable.Range(0, sagas), new ParallelOptions { MaxDegreeOfParallelism = 64, CancellationToken = Token }, async (n, token) =>
            await provider.GetRequiredService<ISagaClient>().StartAsync(definition, $"e{n}", n, cancellationToken: token));

        using var stuck = Start(server, "stuck", lease);
        await Until.True(() => EntriesAsync(connection, sagas), TimeSpan.FromMinutes(5), Token);
        using var other = Start(server, "errands", lease);
        try
        {
            // Both ask for items once the second is up.
            var jetStream = new NatsJSContext(connection);
            await Until.True(async () => (await jetStream.GetConsumerAsync("TOPOLOGY_SAGA_ITEMS", "errand", Token)).Info.NumWaiting >= 2, TimeSpan.FromMinutes(2), Token);
            var killed = DateTimeOffset.UtcNow;
            stuck.Kill();
            await Until.True(() => EntriesAsync(connection, sagas * 3), TimeSpan.FromMinutes(5), Token);

            var histories = new List<IReadOnlyList<SagaStoredEntry>>();
            for (var n = 0; n < sagas; n++)
            {
                histories.Add(await provider.GetRequiredService<ISagaJournal>().ReadAsync(new(definition.Name, $"e{n}"), 0, Token));
            }

            Assert.All(histories, history => Assert.True(history is [_, { Entry.Events: [SagaEvent.Claimed { Redelivered: true }] }, { Entry.Events: [.., SagaEvent.Settled { Status: SagaStatus.Completed }] }]));
            Say($"recovery saga ok: {sagas} interrupted, lease {lease.TotalSeconds} s: the first was taken over {Since(histories.Min(history => history[1].At))} s after the kill (goal: lease + 0.5), "
                + $"the last {Since(histories.Max(history => history[1].At))} s, and had ended after {Since(histories.Max(history => history[2].At))} s (goal: lease + 20)");

            string Since(DateTimeOffset at) => (at - killed).TotalSeconds.ToString("0.00", CultureInfo.InvariantCulture);
        }
        finally
        {
            stuck.Kill();
            other.Kill();
        }
    }

    private static void Say(string text) => TestContext.Current.SendDiagnosticMessage(text);

    private static async Task<bool> EntriesAsync(NatsConnection connection, int wanted) =>
        (await new NatsJSContext(connection).GetStreamAsync("TOPOLOGY_SAGA_LOG", cancellationToken: Token)).Info.State.Messages == wanted;

    private static Process Start(NatsServer server, string kind, TimeSpan lease)
    {
        string[] arguments = [Path.Combine(AppContext.BaseDirectory, "Topology.Saga.ChaosWorker.dll"), server.Url, kind, lease.TotalSeconds.ToString(CultureInfo.InvariantCulture)];
        return Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true })!;
    }
}
