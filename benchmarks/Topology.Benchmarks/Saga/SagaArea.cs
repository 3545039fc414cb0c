using System.Globalization;
using System.Text;
using Topology.Benchmarks.Frame;

namespace Topology.Benchmarks.Saga;

/// <summary>Sagas of four steps in memory against MassTransit Courier 8.5.12 in memory, and against a bare loop of the same steps.</summary>
internal sealed class SagaArea : IBenchArea
{
    private const int AtATime = 64;

    public string Name => "saga";

    public BenchReport Run(bool quick) => RunAsync(quick).GetAwaiter().GetResult();

    private static async Task<BenchReport> RunAsync(bool quick)
    {
        var rounds = quick ? 3 : 7;
        var warmUps = quick ? 1 : 4;
        var slips = quick ? 128 : 2_048;
        var loops = quick ? 2_048 : 32_768;
        await using var courier = await CourierSagas.StartAsync(AtATime);
        PairedFigures ok, failing;
        await using (var ours = await TopologySagas.StartAsync()) // as long as the bus beside it
        {
            var number = 0;
            ok = await PairedLoad.RunAsync(rounds, slips, () => LastingAsync(fails: false), () => CourierAsync(slips, fails: false), warmUps);
            failing = await PairedLoad.RunAsync(rounds, slips, () => LastingAsync(fails: true), () => CourierAsync(slips, fails: true), warmUps);

            Task LastingAsync(bool fails)
            {
                var first = number;
                number += slips;
                return SagaWork.RunAsync(slips, AtATime, saga => ours.RunAsync(first + saga, fails));
            }
        }

        var floor = await PairedLoad.RunAsync(rounds, loops, () => OursAsync(loops, fails: false), () => JournaledAsync(loops), warmUps);
        var bare = await PairedLoad.RunAsync(rounds, loops, () => OursAsync(loops, fails: false), () => BareAsync(loops, fails: false), warmUps);
        var bareFailing = await PairedLoad.RunAsync(rounds, loops, () => OursAsync(loops, fails: true), () => BareAsync(loops, fails: true), warmUps);
        BenchCase[] cases =
        [
            // Sagas in the same time.
            new("saga.inmemory_ok_vs_courier", 1 / ok.Ratio, 60, AtLeast: true),
            new("saga.inmemory_failing_vs_courier", 1 / failing.Ratio, 40, AtLeast: true),
            new("saga.inmemory_ok_vs_bare_loop", 1 / bare.Ratio, 0.35, AtLeast: true),
            new("saga.inmemory_ok_vs_journaled_loop_floor", 1 / floor.Ratio, 0.35, AtLeast: true),
            new("saga.inmemory_ok_bytes_vs_courier", ok.OursBytes / ok.RivalBytes, 0.01),
        ];
        var table = new StringBuilder($"Medians of {rounds} rounds in turns, {AtATime} sagas at a time, per saga of {SagaWork.Steps} steps from its start to the return of whoever waits for its end. ")
            .Append("The failing one refuses its last step and undoes three. The rival is MassTransit 8.5.12 on its transport in memory. ")
            .AppendLine("The bare loop awaits the same four steps and stores nothing.\n")
            .Append("The last row is the floor: that loop written out by hand, with the five entries a saga of four steps must have stored before it goes on (its start and claim, one for each step, its end with the last) in the same journal in memory. ")
            .Append("It has no keys, time-outs, cancellation, signals, compensation, recovery or anybody who waits. ")
            .Append(CultureInfo.InvariantCulture, $"It makes {floor.Ratio / bare.Ratio:0.000} of the bare loop's sagas and takes {floor.RivalBytes / ok.RivalBytes:0.0000} of Courier's bytes: ")
            .Append("whatever stores its steps comes no nearer to the goal against the bare loop than that, and the goal of bytes is what its entries take and little more. ")
            .Append("So those two goals are short by what is promised; what the engine itself costs is told by the row against the floor.")
            .Append("\n\n| Case | Ours sagas/s | Rival sagas/s | Ours B | Rival B |\n|---|---|---|---|---|\n");
        foreach (var (name, figures) in new[] { ("ok / Courier", ok), ("failing / Courier", failing), ("ok / bare loop", bare), ("failing / bare loop", bareFailing), ("ok / the loop and its five entries", floor) })
        {
            table.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {1e6 / figures.OursMicroseconds:0} | {1e6 / figures.RivalMicroseconds:0} | {figures.OursBytes:0} | {figures.RivalBytes:0} |");
        }

        return new BenchReport(cases, table.ToString());

        Task CourierAsync(int sagas, bool fails) => SagaWork.RunAsync(sagas, AtATime, number => courier.RunAsync(number, fails));
    }

    private static async Task OursAsync(int sagas, bool fails)
    {
        await using var ours = await TopologySagas.StartAsync();
        await SagaWork.RunAsync(sagas, AtATime, number => ours.RunAsync(number, fails));
    }

    private static async Task JournaledAsync(int sagas)
    {
        await using var journaled = new JournaledSagas();
        await SagaWork.RunAsync(sagas, AtATime, journaled.RunAsync);
    }

    private static Task BareAsync(int sagas, bool fails) => SagaWork.RunAsync(sagas, AtATime, number => BareSagas.RunAsync(number, fails));
}
