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
        Say($"chaos saga begins, seed {_seed}");
        await using var chaos = await SagaChaos.StartAsync(workers: 3);
        string[] plan = [.. Enumerable.Repeat("kill", kills), .. Enumerable.Repeat("server", serverKills), .. Enumerable.Repeat("stop", stops), .. Enumerable.Repeat("hold", holds), .. Enumerable.Repeat("drop", drops)];
        random.Shuffle(plan);
        var ids = new List<SagaId>();
        var ended = await chaos.RunAsync(ids, () => DisturbAsync(chaos, plan, sagas, ids, random), TimeSpan.FromMinutes(_isFull ? 60 : 3));
        Assert.Equal(sagas, ended.Count);

        await AssertMoneyAsync(chaos, ended);
        var takeOvers = await AssertFencesAsync(chaos, ids);
        Assert.True(!_isFull || chaos.Late > 0, "no request was held until after its undo");
        Say($"chaos saga ok, seed {_seed}: {sagas} sagas, {kills} kills, {serverKills} server kills, {stops} stops, {holds} held requests, {drops} lost answers; "
            + $"{takeOvers} take-overs, {chaos.Late} bookings came after their undo and were refused, {ended.Values.Count(saga => saga.Status == SagaStatus.Completed)} completed, {ended.Values.Count(saga => saga.Status == SagaStatus.Compensated)} compensated");
    }

    private static void Say(string text) => TestContext.Current.SendDiagnosticMessage(text);

    /// <summary>Disturbs, and starts sagas all the while, so that each disturbance finds some in the midst of their steps.</summary>
    private static async Task DisturbAsync(SagaChaos chaos, string[] plan, int sagas, List<SagaId> ids, Random random)
    {
        // Workers that are still coming up are in nobody's midst.
        ids.Add(await chaos.TransferAsync(1));
        await Until.True(async () => (await chaos.Sagas.GetAsync(ids[0], Token))!.Status == SagaStatus.Completed, TimeSpan.FromMinutes(2), Token);
        foreach (var (done, what) in plan.Index())
        {
            if (done % 50 == 49)
            {
                Say($"chaos saga, seed {_seed}: {done + 1} of {plan.Length} disturbances, {ids.Count} sagas started");
            }

            if (what == "hold")
            {
                // What the first worker books from now on.
                chaos.WayToBank.Hold(FaultDirection.ToServer);
            }

            var until = sagas * (done + 1) / plan.Length;
            ids.AddRange(await Task.WhenAll(Enumerable.Range(ids.Count + 1, until - ids.Count).Select(chaos.TransferAsync)));
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
                    // They arrive after another worker has made them too, and undone those of every fifth.
                    await chaos.StandStillAsync(0, TimeSpan.FromMilliseconds(random.Next(5_000, 7_000)));
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

    /// <summary>Every journal holds one owner's entries between two claims, whoever was stopped and went on, and all that were acknowledged.</summary>
    private static async Task<int> AssertFencesAsync(SagaChaos chaos, List<SagaId> ids)
    {
        var (told, names, takeOvers) = (await chaos.ToldAsync(), new Dictionary<string, string>(), 0);
        foreach (var id in ids)
        {
            var history = await chaos.HistoryAsync(id);
            var by = told[id.Value].ToLookup(entry => entry.Version, entry => entry.Process);
            string? owner = null;
            foreach (var stored in history)
            {
                // The second half of a writer's id is its process's, see SagaWriter: each process has one, and no two have the same.
                var writer = Convert.ToHexString(stored.Entry.Writer.ToByteArray(), 8, 8);
                var claims = stored.Entry.Events.OfType<SagaEvent.Claimed>().ToList();
                takeOvers += claims.Count(claimed => claimed.Redelivered);
                owner = claims.Count > 0 ? writer : owner;
                Assert.True(writer == owner, $"seed {_seed}: version {stored.Version} of {id} was written by {writer}, and its owner is {owner}");
                if (stored.Entry.Events[^1] is not (SagaEvent.Settled or SagaEvent.Waiting) && by[stored.Version].FirstOrDefault() is { } name)
                {
                    Assert.Equal(writer, names.TryAdd(name, writer) ? writer : names[name]);
                }
            }

            Assert.True(by.All(version => history.Any(stored => stored.Version == version.Key)), $"seed {_seed}: {id} has lost an entry that was acknowledged");
        }

        Assert.Equal(names.Count, names.Values.Distinct().Count());
        return takeOvers;
    }
}
