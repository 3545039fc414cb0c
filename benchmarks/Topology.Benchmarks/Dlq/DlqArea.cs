using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Topology.Benchmarks.Frame;
using Topology.Dlq;

namespace Topology.Benchmarks.Dlq;

/// <summary>The guarded consumer, transfer and redrive on a real NATS server, against the client's own calls; bodies of 128 B.</summary>
internal sealed class DlqArea : IBenchArea
{
    private const string Work = "WORK";
    private const int Bytes = 128;
    private const int Parallel = 64;
    private const int Parked = 1_000;
    private const int WarmUps = 4;

    public string Name => "dlq";

    public BenchReport Run(bool quick) => RunAsync(quick).GetAwaiter().GetResult();

    private static async Task<BenchReport> RunAsync(bool quick)
    {
        var rounds = quick ? 3 : 9;
        var messages = quick ? 2_000 : 20_000;
        var transfers = quick ? 500 : 4_000;
        var consumeWide = await ConsumeAsync(rounds, messages, prefetch: 1_000, rivalPrefetch: 1_000);
        var consumeDefault = await ConsumeAsync(rounds, messages, prefetch: null, rivalPrefetch: 1_000);
        var consumeNarrow = await ConsumeAsync(rounds, messages, prefetch: null, rivalPrefetch: new GuardedConsumerOptions().Prefetch);
        var transfer = await TransferAsync(rounds, transfers, marks: true);
        var naive = await TransferAsync(rounds, transfers, marks: false);
        var redrive = await RedriveAsync(rounds, transfers, byHand: false);
        var redriveByHand = await RedriveAsync(rounds, transfers, byHand: true);
        var parked = await ParkedAsync(rounds, messages);
        var delays = await DelaysAsync(quick ? 200 : 1_000);

        BenchCase[] cases =
        [
            Throughput("dlq.guarded_consume_vs_raw", consumeWide, 0.85),
            Throughput("dlq.guarded_consume_defaults_vs_raw_defaults", consumeDefault, 0.85),
            Throughput("dlq.guarded_consume_defaults_vs_raw_32_prefetched", consumeNarrow, 0.85),
            Throughput("dlq.transfer64_vs_handwritten", transfer, 0.90),
            Throughput("dlq.transfer64_vs_naive_without_marks", naive, 0.90),
            Throughput("dlq.redrive_vs_transfer", redrive, 0.80),
            Throughput("dlq.handwritten_redrive_vs_transfer_floor", redriveByHand, 0.80),
            Throughput("dlq.others_with_1000_delayed_vs_none", parked, 0.90),
            new("dlq.nak_delay_error_p99_ms_vs_bound", Percentile(delays, 0.99) / 20, 1),
        ];
        var table = new StringBuilder("Medians per message. One server on this machine, file storage, one connection per side.\n\n| Case | Ours µs | Rival µs | Ours B | Rival B |\n|---|---|---|---|---|\n");
        foreach (var (name, figures) in new (string, PairedFigures)[]
        {
            ("consume and acknowledge, 1,000 prefetched / ConsumeAsync, AckAsync, 1,000 prefetched", consumeWide),
            ("the same with the defaults of each", consumeDefault),
            ("the same, 32 prefetched by both", consumeNarrow),
            ("transfer, 64 at a time / letter, mark, acknowledgement by hand", transfer),
            ("transfer, 64 at a time / letter, acknowledgement by hand", naive),
            ("redrive / transfer", redrive),
            ("redrive by hand, the same reads and durable writes / transfer", redriveByHand),
            ("consume with 1,000 delayed / with none", parked),
        })
            table.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {figures.OursMicroseconds:0.0} | {figures.RivalMicroseconds:0.0} | {figures.OursBytes:0} | {figures.RivalBytes:0} |");
        table.AppendLine(CultureInfo.InvariantCulture, $"\nA delayed message starts {Percentile(delays, 0.5):0.0} ms after its time in the median, {Percentile(delays, 0.99):0.0} ms at the 99th percentile.");
        table.Append("""

            What bounds the ones that stay short:

            - *Defaults against the client's defaults*: 32 messages in hand against 1,000. A message in hand is one that no other process can take, so the default stays small; with 32 on both sides the guard keeps up.
            - *Transfer without marks*: the mark is a second durable write, and without it an original that comes back late becomes a second letter.
            - *Redrive*: a transfer writes durably twice, a redrive that may be resumed after a crash at any point reads twice, writes three times and deletes. The floor is that and nothing else, written by hand; it is short of the goal itself.

            """);
        return new BenchReport(cases, table.ToString());

        static BenchCase Throughput(string name, PairedFigures figures, double goal) => new(name, 1 / figures.Ratio, goal, AtLeast: true);
    }

    private static async Task<PairedFigures> ConsumeAsync(int rounds, int messages, int? prefetch, int rivalPrefetch)
    {
        await using var server = await DlqBenchServer.StartAsync(Work);
        await server.PublishAsync(Work, (rounds + WarmUps) * messages + 2_000, Bytes);
        Turn turn = new(), rawTurn = new();
        await using var guarded = await GuardedSide.StartAsync(server, Work, Done(turn), options => options.Prefetch = prefetch ?? options.Prefetch);
        await using var rival = await RawSide.ConsumeAsync(server, Work, rawTurn, rivalPrefetch);
        return await PairedLoad.RunAsync(rounds, messages, () => turn.RunAsync(messages), () => rawTurn.RunAsync(messages), WarmUps);
    }

    private static async Task<PairedFigures> TransferAsync(int rounds, int messages, bool marks)
    {
        await using var server = await DlqBenchServer.StartAsync(Work);
        await server.PublishAsync(Work, (rounds + WarmUps) * messages + 1_000, Bytes);
        Turn turn = new(), rawTurn = new();
        await using var guarded = await GuardedSide.StartAsync(server, Work, Dead(turn), Wide);
        await using var rival = await RawSide.TransferAsync(server, Work, rawTurn, Parallel, marks);
        return await PairedLoad.RunAsync(rounds, messages, () => turn.RunAsync(messages), () => rawTurn.RunAsync(messages), WarmUps);
    }

    /// <summary>The same messages go round: dead-lettered, redriven, by hand or not, and dead-lettered again.</summary>
    private static async Task<PairedFigures> RedriveAsync(int rounds, int messages, bool byHand)
    {
        await using var server = await DlqBenchServer.StartAsync(Work);
        await server.PublishAsync(Work, messages, Bytes);
        var turn = new Turn();
        await using var guarded = await GuardedSide.StartAsync(server, Work, Dead(turn), Wide);
        await using var hand = await HandRedrive.StartAsync(server, GuardedSide.Queue);
        async Task TransferAsync()
        {
            await turn.RunAsync(messages);
            while ((await guarded.Provider.SampleAsync(GuardedSide.Queue, default)).Letters < messages)
                await Task.Yield();
        }

        await TransferAsync();
        return await PairedLoad.RunAsync(
            rounds,
            messages,
            async () =>
            {
                if (byHand)
                {
                    await hand.RunAsync(messages);
                    return;
                }

                var result = await guarded.Redrive.RunAsync(new(new(GuardedSide.Queue)) { MaxRedrives = 1_000 });
                if (result.Redriven != messages)
                    throw new InvalidOperationException($"{result.Redriven} of {messages} letters were redriven.");
            },
            TransferAsync,
            WarmUps,
            alternate: false);
    }

    private static async Task<PairedFigures> ParkedAsync(int rounds, int messages)
    {
        const string Free = "FREE";
        Turn turn = new(), freeTurn = new();
        var delayed = 0;
        await using var server = await DlqBenchServer.StartAsync(Work, Free);
        await server.PublishAsync(Work, Parked, Bytes);
        await using var parked = await GuardedSide.StartAsync(server, Work, async (message, stop) =>
        {
            if (message.Source.Sequence <= Parked)
            {
                Interlocked.Increment(ref delayed);
                return WorkVerdict.RetryAfter(TimeSpan.FromHours(1));
            }

            return await Done(turn)(message, stop);
        }, options => options.OutageThreshold = 10_000);
        while (Volatile.Read(ref delayed) < Parked)
            await Task.Delay(5);

        await using var free = await GuardedSide.StartAsync(server, Free, Done(freeTurn));
        foreach (var stream in new[] { Work, Free })
            await server.PublishAsync(stream, (rounds + WarmUps) * messages + 1_000, Bytes);
        return await PairedLoad.RunAsync(rounds, messages, () => turn.RunAsync(messages), () => freeTurn.RunAsync(messages), WarmUps);
    }

    /// <summary>How much later than asked each second try starts, in milliseconds; the mark before the NAK and the one before the start included.</summary>
    private static async Task<double[]> DelaysAsync(int messages)
    {
        var delay = TimeSpan.FromMilliseconds(500);
        var asked = new ConcurrentDictionary<ulong, long>();
        var late = new ConcurrentBag<double>();
        await using var server = await DlqBenchServer.StartAsync(Work);
        await using var guarded = await GuardedSide.StartAsync(server, Work, (message, _) =>
        {
            if (asked.TryGetValue(message.Source.Sequence, out var at))
            {
                late.Add(Stopwatch.GetElapsedTime(at).TotalMilliseconds - delay.TotalMilliseconds);
                return ValueTask.FromResult(WorkVerdict.Done);
            }

            asked[message.Source.Sequence] = Stopwatch.GetTimestamp();
            return ValueTask.FromResult(WorkVerdict.RetryAfter(delay));
        }, options => options.OutageThreshold = 10_000);
        for (var sent = 0; sent < messages; sent += 10)
        {
            await server.PublishAsync(Work, 10, Bytes);
            await Task.Delay(10);
        }

        while (late.Count < messages)
            await Task.Delay(5);
        return [.. late.Order()];
    }

    private static void Wide(GuardedConsumerOptions options) => (options.Concurrency, options.Prefetch) = (Parallel, 2 * Parallel);

    private static Func<WorkMessage, CancellationToken, ValueTask<WorkVerdict>> Done(Turn turn) => async (_, stop) =>
    {
        await turn.EnterAsync(stop);
        turn.Leave();
        return WorkVerdict.Done;
    };

    private static Func<WorkMessage, CancellationToken, ValueTask<WorkVerdict>> Dead(Turn turn) => async (_, stop) =>
    {
        await turn.EnterAsync(stop);
        turn.Leave();
        return WorkVerdict.DeadLetter("bad");
    };

    private static double Percentile(double[] sorted, double share) => sorted[(int)(share * (sorted.Length - 1))];
}
