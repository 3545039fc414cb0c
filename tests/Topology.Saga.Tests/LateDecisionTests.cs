using Microsoft.Extensions.DependencyInjection;

namespace Topology.Saga.Tests;

/// <summary>A decision names what it was made about: sent twice or found late, it decides nothing that came to rest since.</summary>
public sealed class LateDecisionTests
{
    private readonly SagaWorld _world = new();
    private int _fails = int.MaxValue;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_decision_about_an_earlier_failure_of_a_compensation_is_void()
    {
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Step("b", static (_, _) => throw new SagaRejectedException("no")).Build();
        await using var host = await SagaTestHost.StartAsync(_world, definition, ["a"], FailingUndo);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        var first = await host.Client.WaitAsync(id, Token);
        Assert.Equal(SagaStatus.CompensationFailed, first.Status);
        await host.Operator.DecideAsync(id, new(SagaVerb.Retry, "a", "ada", "again"), Token);
        var second = await host.UntilAsync(id, saga => saga.IsSettled && saga.Version > first.Version);

        var late = new SagaMessage.Decision(SagaVerb.Skip, "a", "bob", "pressed before the retry") { Seen = first.Version };
        var error = await Assert.ThrowsAsync<SagaException>(() => host.Operator.DecideAsync(id, late, Token).AsTask());
        Assert.Contains("came to rest again", error.Message, StringComparison.Ordinal);
        await _world.Inbox.PostAsync(id, late, Token);
        _fails = 0;
        await host.Operator.DecideAsync(id, new(SagaVerb.Retry, "a", "ada", "mended") { Seen = second.Version }, Token);

        var ended = await host.UntilAsync(id, saga => saga.Status == SagaStatus.Compensated);
        Assert.Equal(SagaStepStatus.Compensated, ended.Steps[0].Status);
    }

    [Fact]
    public async Task Two_decisions_about_one_rest_both_count_whatever_the_saga_did_between_them()
    {
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Step("b", static (_, _) => default)
            .Step("c", static (_, _) => throw new SagaRejectedException("no")).Build();
        await using var host = await SagaTestHost.StartAsync(_world, definition, ["a", "b"], FailingUndo);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        var rest = await host.Client.WaitAsync(id, Token);
        await host.Operator.DecideAsync(id, new(SagaVerb.Skip, "a", "ada", "first") { Seen = rest.Version }, Token);
        await host.UntilAsync(id, saga => saga.IsSettled && saga.Version > rest.Version);

        await host.Operator.DecideAsync(id, new(SagaVerb.Skip, "b", "ada", "second") { Seen = rest.Version }, Token);
        await host.UntilAsync(id, saga => saga.Status == SagaStatus.Compensated);
    }

    [Fact]
    public async Task A_decision_about_an_earlier_parking_does_not_take_the_saga_up_again()
    {
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Build();
        var id = new SagaId("s", "1");
        await _world.Dispatcher.TryStartAsync(new(id, definition.Hash, "-", SagaValue.FromJson("\"input\""u8.ToArray())), Token);
        await WriteAsync(0, new SagaEvent.Started(definition.Hash, "-", SagaValue.FromJson("\"input\""u8.ToArray()), null), new SagaEvent.Claimed("x", false), new SagaEvent.Settled(SagaStatus.Parked));
        await WriteAsync(1, new SagaEvent.Claimed("y", false), new SagaEvent.Settled(SagaStatus.Parked));
        await _world.Inbox.PostAsync(id, new SagaMessage.Decision(SagaVerb.Retry, "a", "bob", "late") { Seen = 1 }, Token);
        await _world.Dispatcher.WakeAsync(id, Token);
        await using var host = await SagaTestHost.StartAsync(_world, definition);

        // Items come in their order, so when the next one is done with, this one was.
        var next = await host.Client.StartAsync(definition, "2", "input", null, Token);
        await host.Client.WaitAsync(next, Token);
        Assert.Equal((SagaStatus.Parked, 2L), ((await host.Client.GetAsync(id, Token))!.Status, (await host.Client.GetAsync(id, Token))!.Version));
        await Assert.ThrowsAsync<SagaException>(() => host.Operator.DecideAsync(id, new(SagaVerb.Retry, "a", "bob", "late") { Seen = 1 }, Token).AsTask());

        await host.Operator.DecideAsync(id, new(SagaVerb.Retry, "a", "ada", "go on"), Token);
        await host.UntilAsync(id, saga => saga.Status == SagaStatus.Completed);
    }

    private void FailingUndo(IServiceCollection services) =>
        services.Configure<SagaCompensationTableOptions>("s", table =>
        {
            foreach (var row in table.Steps)
            {
                row.CompensationAction.RetryCount = 0;
                row.CompensationAction.Type = "failing";
            }
        }).AddSingleton(this).AddSagaCompensation<Undo>("failing");

    private async Task WriteAsync(long expected, params SagaEvent[] events) =>
        Assert.True((await _world.Journal.AppendAsync(new("s", "1"), expected, new(Guid.NewGuid(), events), Token)).Stored);

    private sealed class Undo(LateDecisionTests test) : ISagaCompensation
    {
        public ValueTask CompensateAsync(SagaCompensationContext context, CancellationToken cancellationToken) =>
            test._fails-- > 0 ? throw new HttpRequestException("no") : default;
    }
}
