using System.Diagnostics;
using System.Globalization;
using NATS.Client.Core;
using Topology.Benchmarks.Frame;
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
        var (oursCpu, rawCpu) = (TimeSpan.Zero, TimeSpan.Zero);
        var number = 0;
        var figures = await PairedLoad.RunAsync(rounds, sagas, () => CpuAsync(() => BatchAsync(ours.RunAsync), time => oursCpu += time), () => CpuAsync(() => BatchAsync(raw.RunAsync), time => rawCpu += time));
        var addedCpu = (oursCpu - rawCpu).TotalMicroseconds / ((rounds + 1) * sagas * Steps);

        BenchCase[] cases =
        [
            new("saga.jetstream_vs_raw_loop", figures.Ratio, 1.25), // efficiency 0.80
            new("saga.jetstream_added_cpu_us_per_step", addedCpu, 20),
        ];
        return new BenchReport(cases, string.Create(
            CultureInfo.InvariantCulture,
            $"""
            Medians of {rounds} rounds in turns, {sagas} sagas each, {AtATime} at a time, NATS server {connection.ServerInfo!.Version}, one process and one connection. Both sides publish a create-only
            item, consume it, make {Steps + 1} compare-and-set appends and ack; ours also reads the journal before the start and at the claim, and the inbox once.

            | | sagas/s | B allocated |
            |---|---|---|
            | ours | {1e6 / figures.OursMicroseconds:0} | {figures.OursBytes:0} |
            | hand-written loop | {1e6 / figures.RivalMicroseconds:0} | {figures.RivalBytes:0} |

            Efficiency {1 / figures.Ratio:0.00}; added processor time of this process {addedCpu:0} µs per step.

            """));

        async Task BatchAsync(Func<string, ValueTask> run)
        {
            var (first, next) = (Interlocked.Add(ref number, sagas) - sagas, -1);
            await Task.WhenAll(Enumerable.Range(0, AtATime).Select(_ => Task.Run(async () =>
            {
                for (var n = Interlocked.Increment(ref next); n < sagas; n = Interlocked.Increment(ref next))
                {
                    await run(string.Create(CultureInfo.InvariantCulture, $"s{first + n}"));
                }
            })));
        }
    }

    private static async Task CpuAsync(Func<Task> batch, Action<TimeSpan> add)
    {
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        await batch();
        process.Refresh();
        add(process.TotalProcessorTime - before);
    }
}
