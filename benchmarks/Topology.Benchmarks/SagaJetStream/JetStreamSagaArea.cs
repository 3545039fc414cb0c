using System.Diagnostics;
using System.Globalization;
using NATS.Client.Core;
using Topology.Benchmarks.Frame;
using Topology.Benchmarks.Saga;
using Topology.TestKit;

namespace Topology.Benchmarks.SagaJetStream;

/// <summary>Durable sagas of four steps against a hand-written loop with the same durable writes, on one server, in turns.</summary>
internal sealed class JetStreamSagaArea : IBenchArea
{
    /// <summary>How many steps a saga has. Its claim is an append too.</summary>
    public const int Steps = 4;

    private const int AtATime = 256;

    public string Name => "saga-jetstream";

    public BenchReport Run(bool quick) => RunAsync(quick).GetAwaiter().GetResult();

    private static async Task<BenchReport> RunAsync(bool quick)
    {
        var (rounds, sagas) = quick ? (1, 256) : (9, 4_096);
        await using var server = await NatsServer.StartAsync();
        await using var connection = await server.ConnectAsync(NatsOpts.Default with { RequestReplyMode = NatsRequestReplyMode.Direct });
        await using var ours = await DurableSagas.StartAsync(connection);
        await using var raw = await RawSagas.StartAsync(connection);
        await using var reading = await RawSagas.StartAsync(connection, reads: true);
        await using var courier = await CourierSagas.StartAsync(AtATime);
        List<double> oursCpu = [], rawCpu = [];
        var number = 0;
        var figures = await PairedLoad.RunAsync(rounds, sagas, () => CpuAsync(() => BatchAsync(ours.RunAsync), oursCpu), () => CpuAsync(() => BatchAsync(raw.RunAsync), rawCpu));
        var addedCpu = (Median(oursCpu) - Median(rawCpu)) / (sagas * Steps);
        var floor = await PairedLoad.RunAsync(rounds, sagas, () => BatchAsync(reading.RunAsync), () => BatchAsync(raw.RunAsync));
        var slips = sagas / 4;
        var durable = await PairedLoad.RunAsync(
            rounds, slips, () => BatchAsync(ours.RunAsync, slips), () => SagaWork.RunAsync(slips, AtATime, slip => courier.RunAsync(slip, fails: false)));

        BenchCase[] cases =
        [
            new("saga.jetstream_vs_raw_loop", figures.Ratio, 1.25), // efficiency 0.80
            new("saga.jetstream_vs_raw_loop_with_reads", figures.Ratio / floor.Ratio, 1.25),
            new("saga.jetstream_added_cpu_us_per_step", addedCpu, 20),
            new("saga.jetstream_vs_courier_in_memory", durable.Ratio, 1 / 1.5), // 1.5 times the sagas
        ];
        return new BenchReport(cases, string.Create(
            CultureInfo.InvariantCulture,
            $"""
            Medians of {rounds} rounds in turns, {sagas} sagas each, {AtATime} at a time, NATS server {connection.ServerInfo!.Version}, one process and one connection. All publish a create-only
            item, consume it, make {Steps + 1} compare-and-set appends and ack. Ours also reads the history before the start, because a start is forgotten before
            its saga's tombstone, and the inbox once at the claim, because what was said before is heard by nobody; the second loop makes these two
            reads and nothing else. Its efficiency is what the contract leaves to a loop that does no other work: where it is below 0.80 the first goal
            is out of reach, and the figure beside that loop is what our own work costs. Courier keeps nothing: its slips live in the memory of one process.

            | | sagas/s | B allocated |
            |---|---|---|
            | ours | {1e6 / figures.OursMicroseconds:0} | {figures.OursBytes:0} |
            | hand-written loop | {1e6 / figures.RivalMicroseconds:0} | {figures.RivalBytes:0} |
            | hand-written loop, with the two reads | {1e6 / floor.OursMicroseconds:0} | {floor.OursBytes:0} |
            | MassTransit Courier, in memory | {1e6 / durable.RivalMicroseconds:0} | {durable.RivalBytes:0} |

            Efficiency {1 / figures.Ratio:0.00}, of the loop with the two reads {1 / floor.Ratio:0.00}, of ours beside that loop {floor.Ratio / figures.Ratio:0.00}; added processor time of this process {addedCpu:0} µs per step. Beside Courier ours made {1e6 / durable.OursMicroseconds:0} sagas/s.

            """));

        async Task BatchAsync(Func<string, ValueTask> run, int? count = null)
        {
            var many = count ?? sagas;
            var (first, next) = (Interlocked.Add(ref number, many) - many, -1);
            await Task.WhenAll(Enumerable.Range(0, AtATime).Select(_ => Task.Run(async () =>
            {
                for (var n = Interlocked.Increment(ref next); n < many; n = Interlocked.Increment(ref next))
                {
                    await run(string.Create(CultureInfo.InvariantCulture, $"s{first + n}"));
                }
            })));
        }
    }

    private static async Task CpuAsync(Func<Task> batch, List<double> microseconds)
    {
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        await batch();
        process.Refresh();
        microseconds.Add((process.TotalProcessorTime - before).TotalMicroseconds);
    }

    /// <summary>Of all rounds but the first, in which code is compiled.</summary>
    private static double Median(List<double> rounds) => rounds.Skip(1).Order().ElementAt((rounds.Count - 1) / 2);
}
