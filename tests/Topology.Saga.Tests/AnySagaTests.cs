using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Topology.Saga.Tests;

/// <summary>The invariants over definitions, faults, crashes and intrusions that nobody thought of.</summary>
public sealed class AnySagaTests
{
    private const int MostTries = 40;

    [Property(MaxTest = 1_000)]
    public Property The_invariants_hold_for_any_saga_any_two_crashes_and_whatever_is_said_to_it() => Prop.ForAll(
        (from scenario in AnySaga.Scenarios(waits: true)
         from first in AnySaga.Crashes()
         from second in AnySaga.Crashes()
         from intrusion in AnySaga.Intrusions()
         select (scenario, first, second, intrusion)).ToArbitrary(),
        input =>
        {
            var (scenario, first, second, intrusion) = input;
            using var world = new CrashWorld([scenario]);
            var id = new SagaId(scenario.Name, "1");
            var intruded = false;
            world.BeforeEachAppend = intrusion.After ? null : IntrudeAsync;
            world.AfterEachAppend = intrusion.After ? IntrudeAsync : null;

            var (saga, owners) = world.RunAsync(scenario, id.Value, first, second).GetAwaiter().GetResult();

            var what = $"{string.Join(' ', scenario.Steps)} {first} {second} {intrusion}";
            Invariants.Check(scenario, world, saga, what);
            var ended = saga.Status is SagaStatus.Completed or SagaStatus.Compensated or SagaStatus.CompensationFailed or SagaStatus.Stuck;
            var mayBeCancelled = intruded && intrusion.Kind is IntrusionKind.Cancel or IntrusionKind.CancelAndLeave;
            Assert.True(ended || (saga.Status == SagaStatus.Cancelled && mayBeCancelled), $"I11: {saga.Status}. {what}");
            Assert.True(world.Effects <= MostTries, $"I6: {world.Effects} tries. {what}");
            return (owners <= 3).Classify(intruded && intrusion.Kind != IntrusionKind.None, "intruded").Classify(owners > 1, "crashed")
                .Classify(saga.Status != SagaStatus.Completed, "not completed");

            async Task IntrudeAsync(int number)
            {
                if (number != intrusion.Append || intruded)
                {
                    return;
                }

                intruded = true;
                world.LetStoreTimePass(intrusion.Kind == IntrusionKind.Deadline ? 2 * CrashWorld.Deadline : TimeSpan.Zero);
                SagaMessage? message = intrusion.Kind switch
                {
                    IntrusionKind.Cancel => new SagaMessage.Cancellation(true, "ada", "stop"),
                    IntrusionKind.CancelAndLeave => new SagaMessage.Cancellation(false, "ada", "leave it"),
                    IntrusionKind.Signal => new SagaMessage.Signal("go", SagaValue.FromJson("\"early\""u8.ToArray())),
                    _ => null,
                };
                if (message is not null)
                {
                    await world.Inbox.PostAsync(id, message, CancellationToken.None);
                }
            }
        });

    [Property(MaxTest = 500)]
    public Property No_money_is_lost_or_moved_twice_whoever_was_stopped_in_any_saga() => Prop.ForAll(
        (from scenario in AnySaga.Scenarios(waits: false)
         from first in Gen.Choose(1, 30)
         from second in Gen.Choose(1, 30)
         select (scenario, first, second)).ToArbitrary(),
        input =>
        {
            var (scenario, first, second) = input;
            using var world = new FenceWorld(scenario);
            var saga = world.RunAsync(first, second).GetAwaiter().GetResult();
            FenceTests.Check(scenario, world, saga, $"{string.Join(' ', scenario.Steps)}, stopped at {first} and {second}");
            return true.Classify(world.Owners > 1, "taken over");
        });

    [Property(MaxTest = 20)]
    public Property Sagas_at_the_same_time_do_what_each_does_alone() => Prop.ForAll(Gen.ListOf(AnySaga.Scenarios(waits: false), 16).ToArbitrary(), drawn =>
    {
        var scenarios = drawn.Select((scenario, n) => scenario with { Name = $"random-{n}" }).ToList();
        Assert.Equal(TracesAsync(scenarios, 1).GetAwaiter().GetResult(), TracesAsync(scenarios, 48).GetAwaiter().GetResult());
    });

    private static async Task<List<string>> TracesAsync(List<Scenario> scenarios, int atATime)
    {
        await using var host = await ScenarioHost.StartAsync(scenarios, CancellationToken.None);
        var traces = new System.Collections.Concurrent.ConcurrentBag<string>();
        var runs = Enumerable.Range(0, 3).SelectMany(_ => scenarios).Select((scenario, n) => (scenario, Value: $"{n}"));
        await Parallel.ForEachAsync(runs, new ParallelOptions { MaxDegreeOfParallelism = atATime }, async (run, token) =>
        {
            var id = await host.Client.StartAsync(host.Definitions[run.scenario.Name], run.Value, "input", null, token);
            var saga = await host.Client.WaitAsync(id, token);
            traces.Add($"{id}: {string.Join(' ', host.Trace(id))} {saga.Status} {string.Join(' ', saga.Compensated)}");
        });
        return [.. traces.Order()];
    }
}
