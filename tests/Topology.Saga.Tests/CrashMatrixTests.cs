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
        Gen.Choose(0, Scenario.All.Count - 1).SelectMany(n => AnySaga.Crashes().SelectMany(first => AnySaga.Crashes().Select(second => (Scenario.All[n], first, second)))).ToArbitrary(),
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
                Invariants.Check(scenario, world, saga, $"{scenario.Name}, cancelled {(after ? "after" : "before")} append {n}");
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
                Invariants.Check(scenario, world, saga, $"{scenario.Name}, late before append {n}");
                late += saga.Status != SagaStatus.Completed && scenario.Expect.Status == "Completed" ? 1 : 0;
            }
        }

        Assert.True(late > 50, $"only {late} sagas that would have completed were late");
    }

    [Property(MaxTest = 300)]
    public Property A_saga_that_rests_ends_after_the_fault_is_mended_as_if_it_had_been_temporary() => Prop.ForAll(AnySaga.Scenarios(waits: false).ToArbitrary(), input =>
    {
        var scenario = input with { Steps = [.. input.Steps.Select(Worsen)] };
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
        Invariants.Check(scenario, world, saga, what);

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
}
