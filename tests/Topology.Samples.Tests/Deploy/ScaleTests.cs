using System.Globalization;
using System.Text.RegularExpressions;
using NATS.Client.JetStream;
using StackExchange.Redis;
using Topology.Samples.Tests.Platform;

namespace Topology.Samples.Tests.Deploy;

/// <summary>The figures of docs/scale.md: what one run costs in the running platform, and what that makes of ten, a hundred and ten thousand times the load.</summary>
[Collection(PlatformCollection.Name)]
public sealed partial class ScaleTests(PlatformFixture platform, ITestOutputHelper output)
{
    private const int Runs = 10;

    private const string Journal = "TOPOLOGY_SAGA_LOG";
    private const string States = "RUN_STATE";

    private static readonly string[] Streams = ["AGENT_RUN_REQUESTED", States, "TOPOLOGY_SAGA_ITEMS", Journal];

    /// <summary>Measures a few runs, and the same again: what it costs is the same for each.</summary>
    [Fact]
    public async Task What_a_run_costs_is_what_the_page_says_and_does_not_grow()
    {
        var token = TestContext.Current.CancellationToken;
        await RunAsync(2, token); // what is made once is made
        var first = await CostAsync(token);
        var second = await CostAsync(token);

        foreach (var (what, cost) in second)
            output.WriteLine($"{what}: {first[what]:0.##}, {cost:0.##}");
        Assert.Equal(first.Keys.Order(), second.Keys.Order());
        foreach (var (what, documented) in ScalePage.Costs().Where(cost => second.ContainsKey(cost.Key)))
        {
            // A slow machine renews more leases, and tells fewer states: two that follow at once are one.
            Assert.InRange(second[what], documented * 0.75, documented * 1.25);
            Assert.InRange(second[what], first[what] * 0.75, first[what] * 1.25);
        }

        Assert.Empty(second.Keys.Except(ScalePage.Costs().Keys));
    }

    private async Task<Dictionary<string, double>> CostAsync(CancellationToken token)
    {
        await using var redis = await platform.Redis.ConnectAsync(options => options.AllowAdmin = true);
        var server = redis.GetServers().Single();
        var before = await SnapshotAsync(server, token);
        await RunAsync(Runs, token);
        var after = await SnapshotAsync(server, token);

        var cost = new Dictionary<string, double>();
        foreach (var (name, value) in after)
            cost[name] = (value - before[name]) / Runs;
        return cost;
    }

    private async Task<Dictionary<string, double>> SnapshotAsync(IServer redis, CancellationToken token)
    {
        var seen = new Dictionary<string, double>();
        var context = new NatsJSContext(platform.Connection);
        foreach (var name in Streams)
        {
            var state = (await context.GetStreamAsync(name, cancellationToken: token)).Info.State;
            seen[$"messages to {name}"] = state.LastSeq;
            if (name is Journal or States) // the others are empty once their work is done
                seen[$"bytes in {name}"] = state.Bytes;
        }

        var statistics = (await redis.InfoRawAsync("commandstats"))!;
        seen["commands to Redis"] = Command().Matches(statistics).Sum(match => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
        var database = redis.Multiplexer.GetDatabase();
        var (client, effects) = (new List<long>(), new List<long>());
        await foreach (var key in redis.KeysAsync(pattern: "*", pageSize: 1000))
        {
            var bytes = (long)await database.ExecuteAsync("MEMORY", "USAGE", key);
            (key.ToString().Contains(":saga:", StringComparison.Ordinal) ? effects : client).Add(bytes);
        }

        (seen["records of clients in Redis"], seen["bytes of clients in Redis"]) = (client.Count, client.Sum());
        (seen["records of effects in Redis"], seen["bytes of effects in Redis"]) = (effects.Count, effects.Sum());
        return seen;
    }

    private async Task RunAsync(int count, CancellationToken token)
    {
        var runs = new List<string>();
        for (var n = 0; n < count; n++)
            runs.Add(await platform.PostRunAsync(Guid.NewGuid().ToString("N"), "scale", token));
        foreach (var run in runs)
            Assert.Equal("Completed", (await platform.WaitForRunAsync(run, state => state.IsFinal, token)).Status);
    }

    [GeneratedRegex(@"cmdstat_(?:set|get|eval|evalsha|evalsha_ro|eval_ro|del|pexpire):calls=(\d+)")]
    private static partial Regex Command();
}
