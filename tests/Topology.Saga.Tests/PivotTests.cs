using Microsoft.Extensions.Time.Testing;

namespace Topology.Saga.Tests;

/// <summary>A pivot whose outcome is unknown: from then on nobody can say whether there is a way back.</summary>
public sealed class PivotTests
{
    private readonly FakeTimeProvider _time = new();
    private Exception? _fault = new HttpRequestException("no answer");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Cancelled_during_a_pivot_of_unknown_outcome_is_not_undone_when_an_operator_retries()
    {
        var gate = new TaskCompletionSource();
        var definition = Definition(gate.Task);
        await using var host = await SagaTestHost.StartAsync(new(_time), definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(id, saga => saga.Steps[0].Status == SagaStepStatus.Completed);
        await host.Client.CancelAsync(id, "too late", cancellationToken: Token);
        await host.UntilAsync(id, saga => saga.Version > 2);
        gate.SetResult();
        Assert.Equal(SagaStatus.Stuck, (await host.Client.WaitAsync(id, Token)).Status);

        await RetryAsync(host, id, SagaStatus.Stuck);
        _fault = null;
        await RetryAsync(host, id, SagaStatus.Completed);

        Assert.Empty(host.World.Log);
    }

    [Fact]
    public async Task A_deadline_that_passes_while_the_saga_is_stuck_at_its_pivot_undoes_nothing()
    {
        var definition = Definition(Task.CompletedTask);
        await using var host = await SagaTestHost.StartAsync(new(_time), definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        Assert.Equal(SagaStatus.Stuck, (await host.Client.WaitAsync(id, Token)).Status);

        _time.Advance(TimeSpan.FromDays(2));
        _fault = null;
        await RetryAsync(host, id, SagaStatus.Completed);

        Assert.Empty(host.World.Log);
    }

    [Fact]
    public async Task A_pivot_that_refuses_after_an_unknown_try_stays_stuck_whoever_retried_it()
    {
        var definition = Definition(Task.CompletedTask);
        await using var host = await SagaTestHost.StartAsync(new(_time), definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        Assert.Equal(SagaStatus.Stuck, (await host.Client.WaitAsync(id, Token)).Status);

        // It knows the key of the try that was never answered, or the new input only: either way the first may have moved money.
        _fault = new SagaRejectedException("no");
        await RetryAsync(host, id, SagaStatus.Stuck);
        await host.Operator.RetryWithInputAsync(definition, id, "p", "other input", "ada", "typo", Token);
        await host.UntilAsync(id, saga => saga is { Status: SagaStatus.Stuck } && saga.Steps[1].LetterId == SagaLetterIds(id, 3));

        Assert.Empty(host.World.Log);
    }

    private static string SagaLetterIds(SagaId id, int episode) => Internal.SagaLetterId.Compute(id, "p", episode);

    private static async Task RetryAsync(SagaTestHost host, SagaId id, SagaStatus status)
    {
        var before = await host.Operator.DecideAsync(id, new(SagaVerb.Retry, "p", "ada", "looked"), Token);
        await host.UntilAsync(id, saga => saga.Status == status && saga.Version > before.Version + 1);
    }

    private SagaDefinition<string> Definition(Task gate) => SagaDefinition.Create<string>("s").Step("a", static (_, _) => default)
        .Step("p", async (_, _) =>
        {
            await gate;
            if (_fault is not null)
            {
                throw _fault;
            }
        }, new() { Kind = SagaStepKind.Pivot, MaxAttempts = 1, Timeout = TimeSpan.FromDays(1) })
        .Deadline(TimeSpan.FromDays(1)).Build();
}
