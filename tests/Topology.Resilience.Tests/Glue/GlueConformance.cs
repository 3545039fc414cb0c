using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Topology.Dlq;
using Topology.Resilience.Internal;
using Topology.Resilience.Tests.Telemetry;
using Topology.Saga;

namespace Topology.Resilience.Tests.Glue;

/// <summary>What only the packages together promise, wherever their state is kept.</summary>
public abstract class GlueConformance
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_failed_compensation_becomes_a_letter_that_people_are_told_of_and_whose_redrive_retries_the_saga()
    {
        await using var host = await StartAsync(new());
        var id = await FailAsync(host);
        var letter = await host.LetterOfAsync(id);
        Assert.Equal(("compensation-exhausted", "pay", 2, "-"), (letter.Reason, letter.FindHeader("Saga-Step"), letter.Attempts, letter.Tenant));
        await host.UntilAsync(() => host.World.Alerts.Any(alert => alert.Id == letter.Id));

        host.World.Broken.Clear();
        Assert.Equal(1, (await host.RedriveAsync(letter)).Redriven);
        await host.UntilAsync(id, SagaStatus.Compensated);
        Assert.Equal(1, host.World.Runs(id.Value, "refund"));
        Assert.Null(await host.FindAsync(GlueHost.Letters, open => open.WorkflowId == id.ToString()));
        Assert.Single(host.World.Alerts, alert => alert.Id == letter.Id);
    }

    [Fact]
    public async Task A_redrive_that_fails_again_is_a_new_letter_and_closes_the_old_one()
    {
        await using var host = await StartAsync(new());
        var id = await FailAsync(host);
        var first = await host.LetterOfAsync(id);
        Assert.Equal(1, (await host.RedriveAsync(first)).Redriven);
        await host.UntilAsync(id, saga => saga.Status == SagaStatus.CompensationFailed && saga.Steps[0].LetterId != first.Id);
        Assert.NotEqual(first.Id, (await host.LetterOfAsync(id)).Id);
    }

    [Fact]
    public async Task A_letter_that_is_two_days_old_is_redriven_and_its_compensation_runs_exactly_once()
    {
        await using var host = await StartAsync(new());
        var id = await FailAsync(host);
        var letter = await host.LetterOfAsync(id);
        host.World.Broken.Clear();
        await AgeAsync(host, TimeSpan.FromDays(2));
        await host.RedriveAsync(letter);
        await host.UntilAsync(id, SagaStatus.Compensated);
        await host.RedriveAsync(letter);
        await host.Get<ISagaClient>().CancelAsync(id, "nothing is left to cancel", cancellationToken: Token);
        Assert.Equal((1, 1), (host.World.Runs(id.Value, "pay"), host.World.Runs(id.Value, "refund")));
    }

    [Fact]
    public async Task A_compensation_that_was_done_but_not_recorded_does_not_run_again_when_an_operator_retries_two_days_later()
    {
        var world = new GlueWorld();
        SagaId id;
        await using (var host = await StartAsync(world, services => services.Configure<SagaOptions>(saga => saga.MaxTakeovers = 2)))
        {
            world.Loses = static (_, entry) => entry.Events.Any(stored => stored is SagaEvent.StepCompensated);
            id = await host.StartSagaAsync();
            await host.UntilAsync(id, SagaStatus.Waiting);
            await host.Sagas.CancelAsync(id, "changed their mind", cancellationToken: Token);
            await host.UntilAsync(id, SagaStatus.Parked);
            Assert.Equal(1, world.Runs(id.Value, "refund"));
            await AgeAsync(host, TimeSpan.FromDays(2));
            world.Loses = (_, _) => false;
            await host.Get<ISagaOperator>().DecideAsync(id, new(SagaVerb.Retry, "pay", "operator", "it looks undone"), Token);
            await host.UntilAsync(id, SagaStatus.Compensated);
        }

        Assert.Equal((1, 1), (world.Runs(id.Value, "pay"), world.Runs(id.Value, "refund")));
    }

    [Fact]
    public async Task A_step_that_was_done_but_not_recorded_does_not_run_again()
    {
        var world = new GlueWorld();
        await using var host = await StartAsync(world);
        var lost = 0;

        // Only this saga's: on the same servers there may be one that an earlier test has left at work.
        world.Loses = (saga, entry) => saga.Value.StartsWith("unrecorded-", StringComparison.Ordinal)
            && entry.Events.Any(stored => stored is SagaEvent.StepCompleted { StepId: "pay" }) && Interlocked.Increment(ref lost) <= 2;
        var id = await host.StartSagaAsync("unrecorded");
        await host.UntilAsync(id, SagaStatus.Waiting);
        Assert.Equal((1, 1, 3), (world.Runs(id.Value, "pay"), world.Runs(id.Value, "ship"), lost));
    }

    [Fact]
    public async Task While_the_compensation_queue_is_full_the_saga_waits_people_are_told_and_it_goes_on_when_there_is_room()
    {
        await using var host = await StartAsync(new());
        var publisher = host.Get<IDeadLetterPublisher>();
        var filling = new List<string>();
        for (var size = 200_000; size > 100;)
        {
            var id = Guid.NewGuid().ToString("N");
            try
            {
                await publisher.PublishAsync(Letter(GlueHost.Letters, id) with { Body = new byte[size] }, Token);
                filling.Add(id);
            }
            catch (DeadLetterQueueFullException)
            {
                size /= 4;
            }
        }

        var saga = await FailAsync(host);
        await host.UntilAsync(() => host.World.Alerts.Any(alert => alert.Reason == DeadLetterReasons.QueueFull && alert.WorkflowId == saga.ToString()));
        Assert.Equal(SagaStatus.Compensating, (await host.Sagas.GetAsync(saga, Token))!.Status);

        foreach (var id in filling)
            await publisher.CloseAsync(GlueHost.Letters, id, "made room", Token);
        var letter = await host.LetterOfAsync(saga);
        host.World.Broken.Clear();
        await host.RedriveAsync(letter);
        await host.UntilAsync(saga, SagaStatus.Compensated);
        Assert.Equal(1, host.World.Runs(saga.Value, "refund"));
    }

    [Fact]
    public async Task A_dead_run_message_cancels_and_compensates_its_run_and_its_redrive_begins_it_anew()
    {
        await using var host = await StartAsync(new());
        var run = $"run-{Guid.NewGuid():N}";
        var id = await StartRunAsync(host, run, 0);
        await host.UntilAsync(id, SagaStatus.Waiting);

        var letter = Letter(DeadLetterQueueNames.AgentRun, Guid.NewGuid().ToString("N")) with { WorkflowId = run };
        await host.Get<IDeadLetterPublisher>().PublishAsync(letter, Token);
        await host.UntilAsync(id, SagaStatus.Compensated);
        Assert.Equal(1, host.World.Runs(run, "refund"));
        await host.UntilAsync(() => host.World.Alerts.Any(alert => alert.Id == letter.Id));

        var anew = await StartRunAsync(host, run, 1);
        Assert.Equal($"{run}-r1", anew.Value);
        Assert.Equal(anew, await StartRunAsync(host, run, 1));
        await host.UntilAsync(anew, SagaStatus.Waiting);

        // It dies again: now the run that the redrive began is cancelled.
        var again = Letter(DeadLetterQueueNames.AgentRun, Guid.NewGuid().ToString("N")) with { WorkflowId = $"glue/{run}", RedriveCount = 1 };
        await host.Get<IDeadLetterPublisher>().PublishAsync(again, Token);
        await host.UntilAsync(anew, SagaStatus.Compensated);
        Assert.Equal($"{run}-r2", (await StartRunAsync(host, run, 2)).Value);
    }

    [Fact]
    public async Task A_redriven_run_that_never_began_begins_and_one_that_is_at_work_or_has_completed_is_left_alone()
    {
        await using var host = await StartAsync(new());
        var run = $"run-{Guid.NewGuid():N}";
        var dead = Letter(DeadLetterQueueNames.AgentRun, Guid.NewGuid().ToString("N")) with { WorkflowId = run };
        await host.Get<IDeadLetterPublisher>().PublishAsync(dead, Token);
        await host.UntilAsync(() => host.World.Alerts.Any(alert => alert.Id == dead.Id));
        Assert.Null(await host.Sagas.GetAsync(new("glue", run), Token));

        var id = await StartRunAsync(host, run, 1);
        Assert.Equal(run, id.Value);
        await host.UntilAsync(id, SagaStatus.Waiting);
        Assert.Equal(id, await StartRunAsync(host, run, 2));
        await host.Sagas.SignalAsync(id, "accepted", "yes", Token);
        await host.UntilAsync(id, SagaStatus.Completed);
        Assert.Equal(id, await StartRunAsync(host, run, 3));
        Assert.Equal((1, 0), (host.World.Runs(run, "ship"), host.World.Runs(run, "refund")));
    }

    [Fact]
    public async Task A_run_whose_compensation_failed_cannot_begin_anew()
    {
        await using var host = await StartAsync(new());
        var id = await FailAsync(host);
        await host.LetterOfAsync(id);
        var refused = await Assert.ThrowsAsync<SagaException>(() => StartRunAsync(host, id.Value, 1));
        Assert.Contains("waits for an operator", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failed_tool_call_is_made_again_and_parked_after_the_fifth_failure_and_its_redrive_makes_it_once()
    {
        await using var host = await StartAsync(new());
        var tool = $"tool-{Guid.NewGuid():N}";
        host.World.Broken[$"{tool}:call"] = new HttpRequestException("503");
        var id = Guid.NewGuid().ToString("N");
        var letter = Letter(DeadLetterQueueNames.ToolCall, id) with { Subject = tool };
        await host.Get<IDeadLetterPublisher>().PublishAsync(letter, Token);
        await host.UntilAsync(() => host.FindAsync(DeadLetterQueueNames.ToolCall, open => open.Id == id).GetAwaiter().GetResult() is { Status: DeadLetterStatus.Parked, ProcessorAttempts: 5 });

        host.World.Broken.Clear();
        await AgeAsync(host, TimeSpan.FromDays(2));
        Assert.Equal(1, (await host.RedriveAsync(letter)).Redriven);
        Assert.Null(await host.FindAsync(DeadLetterQueueNames.ToolCall, open => open.Id == id));
        Assert.Equal(1, host.World.Runs(tool, "call"));
    }

    [Fact]
    public async Task A_tool_call_that_succeeded_is_not_made_again_two_days_later()
    {
        await using var host = await StartAsync(new());
        var tool = $"tool-{Guid.NewGuid():N}";
        var letter = Letter(DeadLetterQueueNames.ToolCall, Guid.NewGuid().ToString("N")) with { Subject = tool };
        var target = host.Get<ToolCallRedriveTarget<GlueHost.Tool>>();
        await target.RedriveAsync(letter, "redrive:1", Token);
        await AgeAsync(host, TimeSpan.FromDays(2));
        await target.RedriveAsync(letter, "redrive:1", Token);
        Assert.Equal(1, host.World.Runs(tool, "call"));
    }

    [Fact]
    public async Task One_trace_follows_a_saga_over_a_take_over_to_its_letter_and_a_redrive_is_its_own_and_linked_to_it()
    {
        using var spans = new Spans();
        await using var host = await StartAsync(new());
        var lost = 0;
        host.World.Loses = (_, entry) => entry.Events.Any(stored => stored is SagaEvent.StepCompleted { StepId: "pay" }) && Interlocked.Increment(ref lost) <= 3;
        SagaId id = default!;
        var start = await Spans.RootAsync("request", async () => id = await FailAsync(host));
        var letter = await host.LetterOfAsync(id);
        await host.UntilAsync(() => spans.In(start.TraceId).Any(span => span.OperationName == $"dlq.process {GlueHost.Letters}"));
        var slices = await Until.Value(
            () => spans.In(start.TraceId).Where(span => span.OperationName == "saga glue").ToArray(), found => found.Length == 2, cancellationToken: Token);
        Assert.Equal([0, 1], slices.Select(slice => (int)slice.GetTagItem("saga.takeovers")!));
        Assert.All(slices, slice => Assert.Equal((start.SpanId, 0), (slice.ParentSpanId, slice.Links.Count())));
        Assert.Equal(slices[0].SpanId, One("saga.step pay", slices[0]).ParentSpanId);
        Assert.Equal(slices[1].SpanId, One("saga.step ship", slices[1]).ParentSpanId);
        Assert.Equal(2, spans.In(start.TraceId).Count(span => span.OperationName == "saga.compensate pay" && span.ParentSpanId == slices[1].SpanId));
        var published = One($"dlq.publish {GlueHost.Letters}", slices[1]);
        Assert.Equal(published.Id, letter.FindHeader("traceparent"));
        Assert.Equal(published.SpanId, spans.In(start.TraceId).Single(span => span.OperationName == $"dlq.process {GlueHost.Letters}").ParentSpanId);

        host.World.Broken.Clear();
        var redrive = await Spans.RootAsync("redrive", async () => await host.RedriveAsync(letter));
        await host.UntilAsync(id, SagaStatus.Compensated);
        var retried = await spans.UntilAsync(span => span.TraceId == redrive.TraceId && span.OperationName == "saga glue");
        var redriven = spans.In(redrive.TraceId).Single(span => span.OperationName == $"dlq.redrive {GlueHost.Letters}");
        Assert.Equal((redrive.SpanId, published.Context.SpanId), (redriven.ParentSpanId, Assert.Single(redriven.Links).Context.SpanId));
        Assert.Equal((redriven.SpanId, start.SpanId), (retried.ParentSpanId, Assert.Single(retried.Links).Context.SpanId));
        Assert.Equal(retried.SpanId, One("saga.compensate pay", retried).ParentSpanId);

        Activity One(string name, Activity parent) => Assert.Single(spans.In(parent.TraceId), span => span.OperationName == name && span.ParentSpanId == parent.SpanId);
    }

    private protected abstract Task<GlueHost> StartAsync(GlueWorld world, Action<IServiceCollection>? more = null);

    /// <summary>Makes everything that is stored older.</summary>
    private protected abstract Task AgeAsync(GlueHost host, TimeSpan by);

    private protected static DeadLetter Letter(string queue, string id) => new() { Queue = queue, Id = id, Subject = "subject", Reason = "test", LastFailedAt = DateTimeOffset.UnixEpoch };

    private static async Task<SagaId> StartRunAsync(GlueHost host, string run, int redrives) =>
        await host.Sagas.StartRunAsync(GlueHost.Definition, run, "input", redrives, cancellationToken: Token);

    /// <summary>Starts a saga whose second step is refused and whose compensation fails.</summary>
    private static async Task<SagaId> FailAsync(GlueHost host)
    {
        var name = $"s-{Guid.NewGuid():N}";
        host.World.Broken[$"{name}:ship"] = new SagaRejectedException("out of stock");
        host.World.Broken[$"{name}:refund"] = new HttpRequestException("503");
        return await host.Sagas.StartAsync(GlueHost.Definition, name, "input", cancellationToken: Token);
    }
}
