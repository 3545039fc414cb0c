using System.Globalization;
using System.Text;
using Topology.Benchmarks.Frame;

namespace Topology.Benchmarks.Platform;

/// <summary>samples/Platform: runs through the whole path, and what one costs the servers. There is no rival; the goals are bounds of its own.</summary>
internal sealed class PlatformArea : IBenchArea
{
    public string Name => "platform";

    public BenchReport Run(bool quick)
    {
        var offers = MicroBenchmark.Run<OutboxBenchmarks>(quick);
        var (offer, channel) = (offers["offer", "outbox"], offers["offer", "channel"]);
        var loads = LoadAsync(quick).GetAwaiter().GetResult();
        var (few, many) = (loads[0], loads[^1]);
        BenchCase[] cases =
        [
            new("platform.offer_ns", offer.Nanoseconds, 50, offer.Bytes != 0 ? $"an offer allocates {offer.Bytes} B" : null),
            new("platform.lost_runs", loads.Sum(load => load.Lost), 0, loads.Any(load => load.Lost > 0) ? "a run that was accepted did not complete" : null),
            new("platform.redis_commands_growth", many.RedisCommands / few.RedisCommands, 1.5),
            new("platform.nats_messages_growth", many.NatsMessages / few.NatsMessages, 1.5),
        ];
        var table = new StringBuilder();
        foreach (var load in loads)
        {
            table.Append(string.Create(CultureInfo.InvariantCulture, $"""
                | {load.InFlight} | {load.Runs} | {load.Lost} | {load.PerSecond:0} | {load.P50:0} ms | {load.P99:0} ms | {load.NatsMessages:0.0} | {load.NatsBytes / 1024:0.0} KiB | {load.RedisCommands:0.0} | {load.RedisBytes / 1024:0.0} KiB |

                """));
        }

        return new BenchReport(cases, string.Create(CultureInfo.InvariantCulture, $"""
            A run is a request to api-gateway, the saga of four steps in orchestrator, each the call of a tool in router-service, and the final
            state on NATS; its time is from the request to that state. One process a service, one NATS server with file storage, one Redis
            server, and the clients, all on this machine and sharing its cores: the figures are of the machine first. Messages are those NATS
            received, bytes both ways, for everything it was asked, probes and idle pulls included.

            | in flight | runs | lost | runs/s | p50 | p99 | NATS messages a run | NATS bytes a run | Redis commands a run | Redis bytes a run |
            |---|---|---|---|---|---|---|---|---|---|
            {table}
            One state offered to one slow client (64 topics): {offer.Nanoseconds:0.0} ns and {offer.Bytes} B; a bounded channel that drops its
            oldest, which loses what it may not lose: {channel.Nanoseconds:0.0} ns and {channel.Bytes} B.

            """));
    }

    private static async Task<List<RunFigures>> LoadAsync(bool quick)
    {
        await using var host = await PlatformHost.StartAsync();
        var load = new PlatformLoad(host);
        await load.RunAsync(10, quick ? 20 : 200); // code is compiled, streams and consumers are there
        var figures = new List<RunFigures>();
        foreach (var (inFlight, runs) in quick ? [(10, 50), (50, 100)] : new[] { (10, 500), (100, 1_000), (1_000, 3_000), (10_000, 10_000) })
        {
            figures.Add(await load.RunAsync(inFlight, runs));
            Console.Error.WriteLine(figures[^1]);
        }

        return figures;
    }
}
