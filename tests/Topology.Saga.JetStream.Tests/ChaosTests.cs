using System.Globalization;
using Topology.Saga.ChaosWorker;
using Topology.TestKit;

namespace Topology.Saga.JetStream.Tests;

/// <summary>Real processes on a real server, killed and stopped anywhere: money is moved or not, whatever happens. Long form: <c>eng/chaos.sh saga</c>.</summary>
public sealed class ChaosTests
{
    private static readonly bool _isFull = Environment.GetEnvironmentVariable("TOPOLOGY_FULL") == "1";

    private static readonly int _seed =
        int.TryParse(Environment.GetEnvironmentVariable("TOPOLOGY_SEED"), CultureInfo.InvariantCulture, out var seed) ? seed : 42;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_money_appears_or_vanishes_while_processes_and_the_server_are_killed_and_stopped()
    {
        var (sagas, kills, serverKills, stops, holds, drops) = _isFull ? (10_000, 200, 20, 40, 20, 40) : (100, 4, 1, 1, 1, 2);
        var random = new Random(_seed);
        await using var chaos = await SagaChaos.StartAsync(workers: 3);
        var ids = new List<SagaId>();
        foreach (var batch in Enumerable.Range(1, sagas).Chunk(100))
        {
            ids.AddRange(await Task.WhenAll(batch.Select(chaos.TransferAsync)));
        }

        string[] plan = [.. Enumerable.Repeat("kill", kills), .. Enumerable.Repeat("server", serverKills), .. Enumerable.Repeat("stop", stops), .. Enumerable.Repeat("hold", holds), .. Enumerable.Repeat("drop", drops)];
        random.Shuffle(plan);
        var ended = await chaos.RunAsync(ids, () => DisturbAsync(chaos, plan, random), TimeSpan.FromMinutes(_isFull ? 60 : 3));

        await AssertMoneyAsync(chaos, ended);
        await AssertFencesAsync(chaos, ids);
        TestContext.Current.SendDiagnosticMessage(string.Create(
            CultureInfo.InvariantCulture,
            $"chaos saga ok, seed {_seed}: {sagas} sagas, {kills} kills, {serverKills} server kills, {stops} stops, {holds} held requests, {drops} lost answers, {ended.Values.Count(saga => saga.Status == SagaStatus.Completed)} completed"));
    }

    private static async Task DisturbAsync(SagaChaos chaos, string[] plan, Random random)
    {
        foreach (var what in plan)
        {
            await Task.Delay(random.Next(200, 1_200), Token);
            switch (what)
            {
                case "kill":
                    chaos.Kill(random.Next(3));
                    break;
                case "server":
                    await chaos.KillServerAsync();
                    break;
                case "stop":
                    // Longer than the lease of 2 s: somebody else takes over, and then it goes on.
                    await chaos.StandStillAsync(random.Next(3), TimeSpan.FromMilliseconds(random.Next(2_500, 5_000)));
                    break;
                case "drop":
                    // What was done and not answered.
                    chaos.WayToStore.Drop(FaultDirection.ToClient, afterChunks: random.Next(50));
                    await Task.Delay(random.Next(100, 1_000), Token);
                    chaos.WayToStore.Cut();
                    chaos.WayToStore.Pass();
                    break;
                default:
                    // Bookings that arrive after another worker has undone them.
                    chaos.WayToBank.Hold(FaultDirection.ToServer);
                    await Task.Delay(random.Next(300, 1_500), Token);
                    await chaos.StandStillAsync(0, TimeSpan.FromMilliseconds(random.Next(2_500, 4_000)));
                    chaos.WayToBank.Pass();
                    break;
            }
        }
    }

    private static async Task AssertMoneyAsync(SagaChaos chaos, Dictionary<SagaId, SagaSnapshot> ended)
    {
        var bookings = await chaos.BookingsAsync();
        foreach (var (id, saga) in ended)
        {
            foreach (var booking in Transfers.Bookings)
            {
                var history = string.Join(' ', bookings[$"{id.Value}.{booking}"]);
                string[] allowed = saga.Status == SagaStatus.Completed ? ["do"] : ["", "undo", "do undo"];
                Assert.True(allowed.Contains(history), $"seed {_seed}: {id} is {saga.Status}, its {booking} is '{history}'");
            }
        }
    }

    /// <summary>Every journal holds one owner's entries between two claims, whoever was stopped and went on.</summary>
    private static async Task AssertFencesAsync(SagaChaos chaos, List<SagaId> ids)
    {
        var owners = await chaos.OwnersAsync();
        foreach (var id in ids)
        {
            var told = owners[id.Value].ToDictionary(entry => entry.Version, entry => entry.Owner);
            string? owner = null;
            foreach (var stored in await chaos.HistoryAsync(id))
            {
                var writer = told.GetValueOrDefault(stored.Version);
                owner = stored.Entry.Events.Any(stored => stored is SagaEvent.Claimed) ? writer : owner ?? writer;
                Assert.True(writer is null || writer == owner, $"seed {_seed}: version {stored.Version} of {id} was written by {writer}, and its owner is {owner}");
            }

            Assert.True(told.Keys.All((await chaos.HistoryAsync(id)).Select(stored => stored.Version).Contains), $"seed {_seed}: {id} has lost an entry that was acknowledged");
        }
    }
}
