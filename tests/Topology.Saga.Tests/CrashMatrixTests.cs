using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Topology.Saga.Tests;

/// <summary>Every scenario, with the owner crashing before and after every append, and between every effect and its record.</summary>
public sealed class CrashMatrixTests
{
    [Fact]
    public async Task Whatever_the_crash_the_saga_ends_with_the_same_status_and_letters()
    {
        using var world = new CrashWorld(Scenario.All);
        var (runs, lostRefusals) = (0, 0);
        foreach (var scenario in Scenario.All)
        {
            var (calm, _) = await world.RunAsync(scenario, "calm", null);
            Check(scenario, world, calm, "calm");
            var (appends, effects) = (world.Appends, world.Effects);
            var crashes = Enumerable.Range(1, appends).SelectMany(n => new[] { (CrashPoint.BeforeAppend, n), (CrashPoint.AfterAppend, n) })
                .Concat(Enumerable.Range(1, effects).Select(n => (CrashPoint.AfterEffect, n)));
            foreach (var crash in crashes)
            {
                var (saga, owners) = await world.RunAsync(scenario, $"{crash}", crash);
                var what = $"{scenario.Name} {crash}";
                Assert.True(owners == 2, $"{what}: {owners} owners");
                Check(scenario, world, saga, what);
                await CheckAgainAsync(world, saga, what);

                // Lost before it was written down: what the next owner sees may be an earlier try's doing.
                var refusalLost = crash.Item1 == CrashPoint.BeforeAppend && world.CrashedAt!.Events[0] is SagaEvent.CompensationStarted { Failure.Rejected: true };
                Assert.False(refusalLost && saga.Failure is { Rejected: true }, $"{what}: a refusal seen after a take-over must count as unknown");
                lostRefusals += refusalLost ? 1 : 0;
                runs++;
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{runs} crashes");
        Assert.True(runs > 2_000 && lostRefusals > 10, $"only {runs} crashes, {lostRefusals} lost refusals");
    }

    [Property(MaxTest = 500)]
    public Property A_crash_of_the_recovery_changes_nothing_either() => Prop.ForAll(
        Gen.Choose(0, Scenario.All.Count - 1).SelectMany(n => Crashes().SelectMany(first => Crashes().Select(second => (Scenario.All[n], first, second)))).ToArbitrary(),
        input =>
        {
            var (scenario, first, second) = input;
            using var world = new CrashWorld([scenario]);
            var (saga, owners) = world.RunAsync(scenario, "1", first, second).GetAwaiter().GetResult();
            Check(scenario, world, saga, $"{scenario.Name} {first} {second}");
            CheckAgainAsync(world, saga, scenario.Name).GetAwaiter().GetResult();
            return owners <= 3;
        });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_signal_before_or_after_any_append_changes_nothing(bool after)
    {
        using var world = new CrashWorld(Scenario.All);
        foreach (var scenario in Scenario.All)
        {
            await world.RunAsync(scenario, "calm", null);
            var appends = world.Appends;
            for (var n = 1; n <= appends; n++)
            {
                var (saga, _) = await InjectAsync(world, scenario, n, after, new SagaMessage.Signal("hello", SagaValue.None));
                Check(scenario, world, saga, $"{scenario.Name}, signal {(after ? "after" : "before")} append {n}");
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_cancellation_before_or_after_any_append_leaves_no_saga_half_done(bool after)
    {
        using var world = new CrashWorld(Scenario.All);
        var cancelled = 0;
        foreach (var scenario in Scenario.All)
        {
            await world.RunAsync(scenario, "calm", null);
            var appends = world.Appends;
            for (var n = 1; n <= appends; n++)
            {
                var (saga, _) = await InjectAsync(world, scenario, n, after, new SagaMessage.Cancellation(true, "ada", "stop"));
                CheckInvariants(scenario, world, saga, $"{scenario.Name}, cancelled {(after ? "after" : "before")} append {n}");
                cancelled += saga.Status != SagaStatus.Completed && scenario.Expect.Status == "Completed" ? 1 : 0;
            }
        }

        Assert.True(cancelled > 100, $"only {cancelled} sagas that would have completed were cancelled");
    }

    [Fact]
    public async Task A_deadline_that_passes_before_any_append_leaves_no_saga_half_done()
    {
        var late = 0;
        foreach (var scenario in Scenario.All)
        {
            using var world = new CrashWorld([scenario]);
            await world.RunAsync(scenario, "calm", null);
            var appends = world.Appends;
            for (var n = 1; n <= appends; n++)
            {
                world.BeforeEachAppend = number =>
                {
                    world.LetStoreTimePass(number == n ? 2 * CrashWorld.Deadline : TimeSpan.Zero);
                    return Task.CompletedTask;
                };
                var (saga, _) = await world.RunAsync(scenario, $"late-{n}", null);
                CheckInvariants(scenario, world, saga, $"{scenario.Name}, late before append {n}");
                late += saga.Status != SagaStatus.Completed && scenario.Expect.Status == "Completed" ? 1 : 0;
            }
        }

        Assert.True(late > 50, $"only {late} sagas that would have completed were late");
    }

    [Property(MaxTest = 300)]
    public Property A_saga_that_rests_ends_after_the_fault_is_mended_as_if_it_had_been_temporary() => Prop.ForAll(Scenarios().ToArbitrary(), input =>
    {
        var scenario = input.Scenario with { Steps = [.. input.Scenario.Steps.Select(Worsen)] };
        var mended = scenario with { Steps = [.. scenario.Steps.Select(Mend)] };
        using var world = new CrashWorld([scenario]);
        var (saga, _) = world.RunAsync(scenario, "1", null).GetAwaiter().GetResult();
        var rested = saga.Status is SagaStatus.CompensationFailed or SagaStatus.Stuck;
        world.Mend(mended);
        for (var round = 0; saga.Status is SagaStatus.CompensationFailed or SagaStatus.Stuck; round++)
        {
            Assert.True(round < 20, "It never ends.");
            var step = saga.Steps.First(step => step.Status == SagaStepStatus.Exhausted).StepId;
            world.DecideAsync(saga.Id, SagaVerb.Retry, step).AsTask().GetAwaiter().GetResult();
            saga = world.RunItemAsync(saga.Id, $"wake-{round}").GetAwaiter().GetResult();
        }

        using var calm = new CrashWorld([mended]);
        var (asIf, _) = calm.RunAsync(mended, "1", null).GetAwaiter().GetResult();
        Assert.True(asIf.Status == saga.Status, $"I15: {saga.Status}, mended from the start {asIf.Status}");
        Assert.Equal(asIf.Compensated.Order(), saga.Compensated.Order());
        return true.Classify(rested, "rested first");
    });

    [Property(MaxTest = 300)]
    public Property The_invariants_hold_for_any_saga_and_any_crash() => Prop.ForAll(Scenarios().ToArbitrary(), input =>
    {
        var (scenario, point, number) = input;
        using var world = new CrashWorld([scenario]);
        var (saga, _) = world.RunAsync(scenario, "1", (point, number)).GetAwaiter().GetResult();
        CheckInvariants(scenario, world, saga, scenario.Name);
        return true;
    });

    /// <summary>I9: recovering what has been recovered writes nothing, runs nothing and changes nothing.</summary>
    private static async Task CheckAgainAsync(CrashWorld world, SagaSnapshot saga, string what)
    {
        var (appends, effects) = (world.Appends, world.Effects);
        var again = await world.RunItemAsync(saga.Id);
        Assert.True((appends, effects, saga.Status, saga.Version) == (world.Appends, world.Effects, again.Status, again.Version), $"I9, recovered twice. {what}");
    }

    /// <summary>Compensations fail for good, and steps after the pivot too.</summary>
    private static ScenarioStep Worsen(ScenarioStep step) => step.Kind switch
    {
        "comp" => step with { Compensation = step.Compensation! with { Outcomes = ["fail"] } },
        "retriable" => step with { Attempts = ["transient"] },
        _ => step,
    };

    private static ScenarioStep Mend(ScenarioStep step) => step.Kind switch
    {
        "comp" => step with { Compensation = step.Compensation! with { Outcomes = ["ok"] } },
        "retriable" => step with { Attempts = ["ok"] },
        "pivot" => step with { Attempts = step.Attempts[0] == "reject" ? step.Attempts : ["ok"] },
        _ => step,
    };

    private static Gen<(CrashPoint Point, int Number)?> Crashes() =>
        from point in Gen.Elements(CrashPoint.BeforeAppend, CrashPoint.AfterAppend, CrashPoint.AfterEffect)
        from number in Gen.Choose(1, 12)
        select ((CrashPoint, int)?)(point, number);

    private static Task<(SagaSnapshot Saga, int Owners)> InjectAsync(CrashWorld world, Scenario scenario, int append, bool after, SagaMessage message)
    {
        var value = $"{message.GetType().Name}-{append}";
        world.BeforeEachAppend = after ? null : PostAsync;
        world.AfterEachAppend = after ? PostAsync : null;
        return world.RunAsync(scenario, value, null);

        async Task PostAsync(int number)
        {
            if (number == append)
            {
                await world.Inbox.PostAsync(new(scenario.Name, value), message, CancellationToken.None);
            }
        }
    }

    private static void Check(Scenario scenario, CrashWorld world, SagaSnapshot saga, string what)
    {
        CheckInvariants(scenario, world, saga, what);

        // A head step's refusal that is seen only after a take-over counts as unknown: an earlier try may have had an effect.
        var refusedLate = saga.Failure is { Rejected: false } && scenario.Steps.Single(s => s.Id == saga.Failure.StepId).Attempts[0] == "reject";
        var (status, letters) = refusedLate ? Late(scenario, saga.Failure!.StepId) : (scenario.Expect.Status, scenario.Expect.Dlq);
        Assert.True(status == saga.Status.ToString(), $"{what}: {saga.Status}, expected {status}; {string.Join(' ', world.Trace)}");
        Assert.True(
            letters.Order().SequenceEqual(world.Letters.Select(letter => letter.Failure.StepId).Order()),
            $"{what}: letters {string.Join(' ', world.Letters.Select(letter => letter.Failure.StepId))}, expected {string.Join(' ', letters)}");
    }

    /// <summary>What must come of a scenario whose refused step counts as unknown.</summary>
    private static (string Status, IReadOnlyList<string> Letters) Late(Scenario scenario, string failed)
    {
        var step = scenario.Steps.Single(s => s.Id == failed);
        if (step.Kind == "pivot")
        {
            return ("Stuck", [failed]);
        }

        if (step.Kind == "comp" && step.Compensation!.Outcomes.Take(1 + step.Compensation.RetryCount).All(outcome => outcome != "ok"))
        {
            var halts = step.Compensation.OnFailure == "halt";
            return ("CompensationFailed", halts ? [failed] : [.. scenario.Expect.Dlq, failed]);
        }

        return (scenario.Expect.Status, scenario.Expect.Dlq);
    }

    private static void CheckInvariants(Scenario scenario, CrashWorld world, SagaSnapshot saga, string what)
    {
        var trace = world.Trace;
        var back = trace.FindIndex(line => line.StartsWith("undo:", StringComparison.Ordinal));
        var undone = trace.Where(line => line.StartsWith("undo:", StringComparison.Ordinal)).Select(line => Name(line)).ToList();
        var done = trace.Where(line => line.StartsWith("do:", StringComparison.Ordinal)).Select(line => Name(line)).ToHashSet();
        var text = $"{what}: {string.Join(' ', trace)}";

        Assert.True(saga.IsSettled, $"{text}: {saga.Status}");
        Assert.True(back < 0 || trace.Skip(back).All(line => line.StartsWith("undo:", StringComparison.Ordinal)), $"I1, forward after backward. {text}");
        Assert.True(undone.All(done.Contains), $"I3, undone but never tried. {text}");
        var first = undone.Distinct().ToList();
        var order = scenario.Steps.Select(step => step.Id).Reverse().Where(first.Contains).ToList();
        Assert.True(order.SequenceEqual(first), $"I4, not in reverse order. {text}");
        Assert.True(world.Keys.Count == world.Keys.Select(key => key[..key.LastIndexOf('/')]).Distinct().Count(), $"I5, more than one key for a step. {text}");
        foreach (var step in scenario.Steps)
        {
            var tries = trace.Where(line => line.StartsWith($"do:{step.Id}#", StringComparison.Ordinal)).Select(Number).ToList();
            Assert.True(tries.All(number => number <= step.MaxAttempts), $"I6, too many tries. {text}");
        }

        var pivot = scenario.Steps.FirstOrDefault(step => step.Kind == "pivot");
        var pivotDone = pivot is not null && saga.Steps.Single(step => step.StepId == pivot.Id).Status == SagaStepStatus.Completed;
        Assert.True(!pivotDone || undone.Count == 0, $"I10, undone after the pivot. {text}");
        if (saga.Status == SagaStatus.Compensated)
        {
            var owed = saga.Steps.Where(step => step.Status is SagaStepStatus.Completed or SagaStepStatus.OutcomeUnknown).Select(step => step.StepId);
            Assert.True(owed.All(id => scenario.Steps.Single(step => step.Id == id).Compensation is null), $"I2, compensated but not undone. {text}");
        }
    }

    private static string Name(string line) => line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..line.IndexOf('#', StringComparison.Ordinal)];

    private static int Number(string line) =>
        int.Parse(line[(line.IndexOf('#', StringComparison.Ordinal) + 1)..].Split(':')[0], System.Globalization.CultureInfo.InvariantCulture);

    private static Gen<(Scenario Scenario, CrashPoint Point, int Number)> Scenarios()
    {
        var outcome = Gen.Elements("ok", "ok", "ok", "ok", "transient", "timeout", "reject");
        var undo = Gen.Elements("ok", "ok", "fail");
        var script = Gen.NonEmptyListOf(outcome).Select(list => list.Take(3).ToArray());
        var compensation =
            from retries in Gen.Choose(0, 2)
            from outcomes in Gen.NonEmptyListOf(undo)
            from halt in Gen.Elements("continue", "continue", "halt")
            select new ScenarioCompensation(retries, [.. outcomes.Take(3)], halt);
        var compensable = Gen.Elements(true, true, true, false);
        return
            from count in Gen.Choose(1, 6)
            from pivot in Gen.Choose(0, 12)
            from attempts in Gen.ArrayOf(script, count)
            from max in Gen.ArrayOf(Gen.Choose(1, 3), count)
            from compensations in Gen.ArrayOf(compensation, count)
            from undoes in Gen.ArrayOf(compensable, count)
            from point in Gen.Elements(CrashPoint.BeforeAppend, CrashPoint.AfterAppend, CrashPoint.AfterEffect)
            from number in Gen.Choose(1, 12)
            select (
                new Scenario(
                    "random",
                    [
                        .. Enumerable.Range(0, count).Select(i =>
                        {
                            var kind = i == pivot ? "pivot" : i > pivot ? "retriable" : undoes[i] ? "comp" : "nocomp";
                            return new ScenarioStep($"s{i}", kind, attempts[i], max[i], kind == "comp" ? compensations[i] : null);
                        }),
                    ],
                    new([], "", null, [], [])),
                point, number);
    }
}
