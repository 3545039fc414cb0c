using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Topology.TestKit;

namespace Topology.Saga.Tests;

public sealed class WaitTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_signal_that_came_early_counts_and_its_value_flows_on()
    {
        var gate = new TaskCompletionSource();
        string? seen = null;
        var definition = SagaDefinition.Create<string>("approval")
            .Step("prepare", async (_, token) => await gate.Task.WaitAsync(token))
            .WaitForSignal<string>("approved", "approval", TimeSpan.FromHours(24))
            .Step("ship", (context, _) =>
            {
                seen = context.Result<string>("approved");
                return default;
            })
            .Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);

        await host.Client.SignalAsync(id, "approval", "by ada", Token);
        gate.SetResult();
        var saga = await host.Client.WaitAsync(id, Token);

        Assert.Equal(SagaStatus.Completed, saga.Status);
        Assert.Equal("by ada", seen);
    }

    [Fact]
    public async Task A_waiting_saga_holds_no_worker_and_goes_on_at_its_signal()
    {
        var definition = Approval(TimeSpan.FromHours(24));
        await using var host = await SagaTestHost.StartAsync(new(new FakeTimeProvider()), definition, ["book"], s => s.Configure<SagaOptions>(options => options.MaxConcurrentSagas = 1));
        var first = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(first, saga => saga.Status == SagaStatus.Waiting);

        // There is one slot, and the first saga does not hold it.
        var second = await host.Client.StartAsync(definition, "2", "input", null, Token);
        await host.UntilAsync(second, saga => saga.Status == SagaStatus.Waiting);
        await host.Client.SignalAsync(first, "approval", "yes", Token);

        Assert.Equal(SagaStatus.Completed, (await host.UntilAsync(first, saga => saga.IsSettled)).Status);
        Assert.Equal(SagaStatus.Waiting, (await host.Client.GetAsync(second, Token))!.Status);
    }

    [Fact]
    public async Task A_signal_that_does_not_come_in_time_undoes_what_came_before_and_not_the_wait()
    {
        var time = new FakeTimeProvider();
        var definition = Approval(TimeSpan.FromHours(24));
        await using var host = await SagaTestHost.StartAsync(new(time), definition, ["book"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(id, saga => saga.Status == SagaStatus.Waiting);

        time.Advance(TimeSpan.FromHours(23));
        Assert.Equal(SagaStatus.Waiting, (await host.Client.GetAsync(id, Token))!.Status);
        var saga = await host.UntilAsync(id, saga => saga.IsSettled, TimeSpan.FromMinutes(1));

        Assert.Equal(SagaStatus.Compensated, saga.Status);
        Assert.Equal("approved", saga.Failure!.StepId);
        Assert.Equal(["undo:book"], host.World.Log);
    }

    [Fact]
    public async Task A_wait_that_was_disturbed_does_not_begin_anew()
    {
        var time = new FakeTimeProvider();
        var definition = SagaDefinition.Create<string>("s").WaitForSignal<int>("one", "one", TimeSpan.FromHours(10)).WaitForSignal<int>("two", "two", TimeSpan.FromHours(10)).Build();
        await using var host = await SagaTestHost.StartAsync(new(time), definition);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(id, saga => saga.Status == SagaStatus.Waiting);
        var started = time.GetUtcNow();

        time.Advance(TimeSpan.FromHours(9));
        await host.Client.SignalAsync(id, "two", 2, Token); // of no use to the first wait
        await Until.Value(() => host.World.EventsAsync(id), events => events.Count(e => e is SagaEvent.Waiting) == 2, cancellationToken: Token);
        await host.UntilAsync(id, saga => saga.IsSettled, TimeSpan.FromMinutes(1));

        Assert.InRange((await host.World.Journal.ReadAsync(id, 0, Token))[^1].At - started, TimeSpan.FromHours(10), TimeSpan.FromHours(15));
    }

    [Fact]
    public async Task A_delay_lets_its_time_pass_and_no_less()
    {
        var time = new FakeTimeProvider();
        var definition = SagaDefinition.Create<string>("later").Delay("cool_down", TimeSpan.FromDays(60)).Build();
        await using var host = await SagaTestHost.StartAsync(new(time), definition);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        var started = time.GetUtcNow();
        await host.UntilAsync(id, saga => saga.Status == SagaStatus.Waiting);

        var saga = await host.UntilAsync(id, saga => saga.IsSettled, TimeSpan.FromDays(1));

        Assert.Equal(SagaStatus.Completed, saga.Status);
        Assert.True(time.GetUtcNow() - started >= TimeSpan.FromDays(60));
    }

    [Fact]
    public async Task A_thousand_signals_to_a_saga_inside_a_long_step_cause_no_take_over()
    {
        var gate = new TaskCompletionSource();
        var definition = SagaDefinition.Create<string>("busy")
            .Step("long", async (_, token) => await gate.Task.WaitAsync(token))
            .WaitForSignal<int>("number", "number", TimeSpan.FromHours(1))
            .Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);

        await Parallel.ForEachAsync(Enumerable.Range(0, 1_000), Token, (n, token) => host.Client.SignalAsync(id, "number", n, token));
        gate.SetResult();
        await host.Client.WaitAsync(id, Token);

        Assert.Single((await host.World.EventsAsync(id)).OfType<SagaEvent.Claimed>());
    }

    [Fact]
    public async Task A_signal_that_races_the_waiting_append_is_never_lost()
    {
        var definition = SagaDefinition.Create<string>("race").WaitForSignal<int>("go", "go", TimeSpan.FromHours(1)).Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition);

        await Parallel.ForEachAsync(
            Enumerable.Range(0, 2_000),
            new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Token },
            async (n, token) =>
            {
                var id = await host.Client.StartAsync(definition, $"saga-{n}", "input", null, token);
                for (var spin = 0; spin < n % 50; spin++)
                {
                    await Task.Yield();
                }

                await host.Client.SignalAsync(id, "go", n, token);
                Assert.Equal(SagaStatus.Completed, (await host.Client.WaitAsync(id, token)).Status);
            });
    }

    [Fact]
    public async Task Signals_of_one_name_are_taken_in_the_order_in_which_they_came()
    {
        var definition = SagaDefinition.Create<string>("s").WaitForSignal<int>("one", "go", TimeSpan.FromHours(1)).WaitForSignal<int>("two", "go", TimeSpan.FromHours(1))
            .Step("sum", static (context, _) => ValueTask.FromResult($"{context.Result<int>("one")} {context.Result<int>("two")}"))
            .Step("check", static (context, _) => context.Result<string>("sum") == "1 2" ? default : throw new ArgumentException("bug")).Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.Client.SignalAsync(id, "go", 1, Token);
        await host.Client.SignalAsync(id, "go", 2, Token);

        Assert.Equal(SagaStatus.Completed, (await host.Client.WaitAsync(id, Token)).Status);
    }

    [Fact]
    public async Task A_signal_after_the_end_changes_nothing()
    {
        var definition = SagaDefinition.Create<string>("s").WaitForSignal<int>("one", "go", TimeSpan.FromHours(1)).Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.Client.SignalAsync(id, "go", 1, Token);
        var ended = await host.Client.WaitAsync(id, Token);

        await host.Client.SignalAsync(id, "go", 2, Token);
        var other = await host.Client.StartAsync(definition, "2", "input", null, Token);
        await host.Client.SignalAsync(other, "go", 1, Token);
        await host.Client.WaitAsync(other, Token);

        Assert.Equal(ended.Version, (await host.Client.GetAsync(id, Token))!.Version);
    }

    [Fact]
    public async Task A_wait_after_the_pivot_that_is_in_vain_leaves_the_saga_stuck_and_a_retry_waits_again()
    {
        var time = new FakeTimeProvider();
        var definition = SagaDefinition.Create<string>("s").Step("p", static (_, _) => default, new() { Kind = SagaStepKind.Pivot })
            .WaitForSignal<int>("w", "go", TimeSpan.FromHours(1)).Build();
        await using var host = await SagaTestHost.StartAsync(new(time), definition);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(id, saga => saga.Status == SagaStatus.Stuck, TimeSpan.FromMinutes(1));

        await host.Operator.DecideAsync(id, new(SagaVerb.Retry, "w", "ada", "it comes now"), Token);
        await host.UntilAsync(id, saga => saga.Status == SagaStatus.Waiting);
        await host.Client.SignalAsync(id, "go", 1, Token);

        await host.UntilAsync(id, saga => saga.Status == SagaStatus.Completed);
    }

    [Fact]
    public async Task A_signal_of_the_wrong_name_or_type_is_refused_and_says_what_is_right()
    {
        var definition = Approval(TimeSpan.FromHours(1));
        await using var host = await SagaTestHost.StartAsync(new(), definition);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);

        var type = await Assert.ThrowsAsync<SagaException>(() => host.Client.SignalAsync(id, "approval", 7, Token).AsTask());
        Assert.Contains("System.String", type.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<SagaException>(() => host.Client.SignalAsync(id, "other", "x", Token).AsTask());
        await Assert.ThrowsAsync<SagaException>(() => host.Client.SignalAsync(id with { Value = "never" }, "approval", "x", Token).AsTask());
    }

    private static SagaDefinition<string> Approval(TimeSpan timeout) => SagaDefinition.Create<string>("approval")
        .Step("book", static (_, _) => default)
        .WaitForSignal<string>("approved", "approval", timeout)
        .Build();
}
