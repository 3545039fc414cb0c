using Microsoft.Extensions.DependencyInjection;
using Topology.TestKit;

namespace Topology.Saga.Tests;

public sealed class OperatorTests
{
    private static readonly Scenario _refundFails = Scenario.All.Single(s => s.Name == "order_email_comp_fails_others_still_run");
    private static readonly Scenario _refundHalts = Scenario.All.Single(s => s.Name == "order_email_comp_fails_halt_policy");
    private static readonly Scenario _stuck = Scenario.All.Single(s => s.Name == "pivot_passed_then_failure_is_stuck_not_compensated");

    private const string Email = "email_notification";
    private const string Inventory = "inventory_reservation";

    [Fact]
    public async Task A_failed_compensation_retried_after_the_cause_is_fixed_ends_compensated_and_closes_its_letter()
    {
        var token = TestContext.Current.CancellationToken;
        await using var host = await ScenarioHost.StartAsync([_refundFails], token);
        var (id, saga) = await SettleAsync(host, _refundFails, token);
        var letter = Assert.Single(host.Letters.Values);
        Assert.Equal(letter.Id, saga.Steps.Single(step => step.StepId == Email).LetterId);

        host.Scripts[(_refundFails.Name, "undo", Email)] = ["ok"];
        saga = await DecideAsync(host, id, SagaVerb.Retry, Email, token);

        Assert.Equal(SagaStatus.Compensated, saga.Status);
        Assert.Equal("undo:email_notification#4", host.Trace(id)[^1]);
        Assert.True(host.ClosedLetters.ContainsKey(letter.Id));
        Assert.Equal(["inventory_reservation", "payment_authorization", Email], saga.Compensated);
    }

    [Fact]
    public async Task A_retry_that_fails_again_is_a_second_letter_and_closes_the_first()
    {
        var token = TestContext.Current.CancellationToken;
        await using var host = await ScenarioHost.StartAsync([_refundFails], token);
        var (id, _) = await SettleAsync(host, _refundFails, token);
        var first = Assert.Single(host.Letters.Values);

        var saga = await DecideAsync(host, id, SagaVerb.Retry, Email, token);

        Assert.Equal(SagaStatus.CompensationFailed, saga.Status);
        var second = Assert.Single(host.Letters.Values, letter => letter.Id != first.Id);
        Assert.Equal(2, second.Episode);
        Assert.True(host.ClosedLetters.ContainsKey(first.Id));
        Assert.False(host.ClosedLetters.ContainsKey(second.Id));
    }

    [Theory]
    [InlineData(SagaVerb.Skip, SagaStepStatus.Skipped)]
    [InlineData(SagaVerb.MarkCompensated, SagaStepStatus.MarkedCompensated)]
    public async Task A_compensation_settled_by_hand_makes_the_saga_compensated_without_another_try(SagaVerb verb, SagaStepStatus status)
    {
        var token = TestContext.Current.CancellationToken;
        await using var host = await ScenarioHost.StartAsync([_refundFails], token);
        var (id, _) = await SettleAsync(host, _refundFails, token);
        var before = host.Trace(id).Count;

        var saga = await DecideAsync(host, id, verb, Email, token);

        Assert.Equal(SagaStatus.Compensated, saga.Status);
        Assert.Equal(status, saga.Steps.Single(step => step.StepId == Email).Status);
        Assert.Equal(before, host.Trace(id).Count);
        Assert.True(host.ClosedLetters.ContainsKey(Assert.Single(host.Letters.Values).Id));
    }

    [Fact]
    public async Task Under_halt_the_remaining_compensations_run_after_the_operator_has_decided()
    {
        var token = TestContext.Current.CancellationToken;
        await using var host = await ScenarioHost.StartAsync([_refundHalts], token);
        var (id, halted) = await SettleAsync(host, _refundHalts, token);
        Assert.Empty(halted.Compensated);

        var saga = await DecideAsync(host, id, SagaVerb.Skip, Email, token);

        Assert.Equal(SagaStatus.Compensated, saga.Status);
        Assert.Equal(["inventory_reservation", "payment_authorization"], saga.Compensated);
    }

    [Fact]
    public async Task A_stuck_saga_goes_forward_when_its_step_is_retried_and_can_do_nothing_else()
    {
        var token = TestContext.Current.CancellationToken;
        await using var host = await ScenarioHost.StartAsync([_stuck], token);
        var (id, saga) = await SettleAsync(host, _stuck, token);
        Assert.Equal(SagaStatus.Stuck, saga.Status);
        await Assert.ThrowsAsync<SagaException>(() => host.Operator.DecideAsync(id, new(SagaVerb.Skip, "b", "ada", "no"), token).AsTask());

        host.Scripts[(_stuck.Name, "do", "b")] = ["ok"];
        saga = await DecideAsync(host, id, SagaVerb.Retry, "b", token);

        Assert.Equal(SagaStatus.Completed, saga.Status);
        Assert.True(host.ClosedLetters.ContainsKey(Assert.Single(host.Letters.Values).Id));
    }

    [Fact]
    public async Task A_decision_about_a_step_that_waits_for_none_is_refused()
    {
        var token = TestContext.Current.CancellationToken;
        await using var host = await ScenarioHost.StartAsync([_refundFails], token);
        var (id, _) = await SettleAsync(host, _refundFails, token);

        var completed = await Assert.ThrowsAsync<SagaException>(
            () => host.Operator.DecideAsync(id, new(SagaVerb.Retry, "inventory_reservation", "ada", "again"), token).AsTask());
        Assert.Contains("Compensated", completed.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<SagaException>(() => host.Operator.DecideAsync(id, new(SagaVerb.Retry, "nope", "ada", "x"), token).AsTask());
        await Assert.ThrowsAsync<SagaException>(() => host.Operator.DecideAsync(id with { Value = "other" }, new(SagaVerb.Retry, Email, "ada", "x"), token).AsTask());
    }

    [Fact]
    public async Task Decisions_made_at_the_same_time_are_all_carried_out_once()
    {
        var token = TestContext.Current.CancellationToken;
        await using var host = await ScenarioHost.StartAsync([_refundFails], token);
        host.Scripts[(_refundFails.Name, "undo", Email)] = ["fail", "fail", "fail", "ok"];
        var (id, _) = await SettleAsync(host, _refundFails, token);

        // Twenty operators press the same button; some come too late and are told so.
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async n =>
        {
            try
            {
                await host.Operator.DecideAsync(id, new(SagaVerb.Retry, Email, $"operator-{n}", "again"), token);
            }
            catch (SagaException)
            {
            }
        }));

        await Until.True(async () => (await host.Client.GetAsync(id, token))!.Status == SagaStatus.Compensated, cancellationToken: token);
        Assert.Equal(4, host.Trace(id).Count(line => line.StartsWith("undo:email", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Two_failed_compensations_under_continue_are_two_letters_and_two_decisions()
    {
        var token = TestContext.Current.CancellationToken;
        await using var host = await ScenarioHost.StartAsync([_refundFails], token);
        host.Scripts[(_refundFails.Name, "undo", Inventory)] = ["fail"];
        var (id, saga) = await SettleAsync(host, _refundFails, token);

        Assert.Equal(SagaStatus.CompensationFailed, saga.Status);
        Assert.Equal([Email, Inventory], host.Letters.Values.Select(letter => letter.Failure.StepId).Order());
        Assert.Equal(["payment_authorization"], saga.Compensated);

        saga = await DecideAsync(host, id, SagaVerb.Skip, Email, token);
        Assert.Equal(SagaStatus.CompensationFailed, saga.Status);
        Assert.Single(host.ClosedLetters);
        saga = await DecideAsync(host, id, SagaVerb.MarkCompensated, Inventory, token);
        Assert.Equal(SagaStatus.Compensated, saga.Status);
        Assert.Equal(2, host.ClosedLetters.Count);
    }

    [Fact]
    public async Task A_compensation_retried_with_new_input_gets_a_new_key()
    {
        var token = TestContext.Current.CancellationToken;
        var world = new SagaWorld();
        var keys = new List<string>();
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Step("b", static (_, _) => throw new SagaRejectedException("no")).Build();
        await using var host = await SagaTestHost.StartAsync(world, definition, configure: services =>
        {
            services.AddSingleton(keys);
            services.AddSagaCompensation<PickyUndo>("picky");
            services.Configure<SagaCompensationTableOptions>(
                "s", table => table.Steps.Add(new() { StepId = "a", CompensationAction = new() { Type = "picky", RetryCount = 0 } }));
        });
        var id = await host.Client.StartAsync(definition, "1", "bad", null, token);
        Assert.Equal(SagaStatus.CompensationFailed, (await host.Client.WaitAsync(id, token)).Status);

        await host.Operator.RetryWithInputAsync(definition, id, "a", "good", "ada", "typo", token);
        await host.UntilAsync(id, saga => saga.Status == SagaStatus.Compensated);

        Assert.Equal(["-:s%2F1:a:undo:1", "-:s%2F1:a:undo:2"], keys);
    }

    private sealed class PickyUndo(List<string> keys) : ISagaCompensation
    {
        public ValueTask CompensateAsync(SagaCompensationContext context, CancellationToken cancellationToken)
        {
            keys.Add(context.IdempotencyKey);
            return context.Input<string>() == "bad" ? throw new HttpRequestException("no") : default;
        }
    }

    private static async Task<(SagaId Id, SagaSnapshot Saga)> SettleAsync(ScenarioHost host, Scenario scenario, CancellationToken token)
    {
        var id = await host.Client.StartAsync(host.Definitions[scenario.Name], "one", "input", null, token);
        return (id, await host.Client.WaitAsync(id, token));
    }

    private static async Task<SagaSnapshot> DecideAsync(ScenarioHost host, SagaId id, SagaVerb verb, string step, CancellationToken token)
    {
        var before = await host.Operator.DecideAsync(id, new(verb, step, "ada", "cause fixed"), token);
        return (await Until.Value(
            () => host.Client.GetAsync(id, token).AsTask(),
            saga => saga is { IsSettled: true } && saga.Version > before.Version,
            cancellationToken: token))!;
    }
}
