using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Topology.Retry;
using Topology.TestKit;

namespace Topology.Saga.Tests;

/// <summary>What steps and compensations are told.</summary>
public sealed class ContextTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private readonly ConcurrentQueue<string> _log = new();

    [Fact]
    public async Task The_fencing_number_grows_with_every_take_over_turn_and_retry_and_an_undo_has_more_than_any_do()
    {
        var world = new SagaWorld();
        var fences = new ConcurrentQueue<(string What, long Fence)>();
        var hangs = true;
        var definition = SagaDefinition.Create<string>("s").Step("a", (context, _) =>
        {
            fences.Enqueue(("do a", context.FencingToken));
            return default;
        }).Step("b", async (context, token) =>
        {
            fences.Enqueue(("do b", context.FencingToken));
            await (hangs ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token) : Task.CompletedTask);
            throw new HttpRequestException("away");
        }, new() { MaxAttempts = 1 }).Build();
        await using (var first = await StartAsync(world, definition, fences))
        {
            await first.Client.StartAsync(definition, "1", "input", null, Token);
            await Until.True(() => fences.Count == 2, cancellationToken: Token);
        }

        hangs = false;
        await using var second = await StartAsync(world, definition, fences);
        var saga = await second.Client.WaitAsync(new("s", "1"), Token);
        Assert.Equal(SagaStatus.CompensationFailed, saga.Status);
        await second.Operator.DecideAsync(saga.Id, new(SagaVerb.Retry, "a", "ada", "again"), Token);
        await second.UntilAsync(saga.Id, now => now.Status == SagaStatus.Compensated);

        Assert.Equal(["do a", "do b", "do b", "undo a", "undo a"], fences.Select(entry => entry.What));
        var numbers = fences.Select(entry => entry.Fence).ToList();
        Assert.Equal(numbers[0], numbers[1]);
        Assert.True(numbers[1] < numbers[2] && numbers[2] < numbers[3] && numbers[3] < numbers[4], string.Join(' ', numbers));
    }

    [Fact]
    public async Task A_step_is_given_its_input_the_results_before_it_and_the_number_of_its_try()
    {
        var definition = SagaDefinition.Create<string>("s")
            .Step("one", static (_, _) => ValueTask.FromResult(41))
            .Step("two", (context, _) =>
            {
                _log.Enqueue($"{context.SagaId} {context.StepId} {context.Tenant} {context.Input} {context.Result<int>("one")} try {context.Attempt} {context.IdempotencyKey}");
                return context.Attempt < 3 ? throw new TimeoutException("away") : ValueTask.FromResult("done");
            }, new() { MaxAttempts = 3 })
            .Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition, configure: NoWaits);
        var id = await host.Client.StartAsync(definition, "1", "input", new() { Tenant = "acme" }, Token);

        Assert.Equal(SagaStatus.Completed, (await host.Client.WaitAsync(id, Token)).Status);
        Assert.Equal(Enumerable.Range(1, 3).Select(n => $"s/1 two acme input 41 try {n} acme:s%2F1:two:do:1"), _log);
    }

    [Fact]
    public async Task A_step_that_is_a_class_gets_its_dependencies_from_a_scope_of_its_own_for_each_try()
    {
        var definition = SagaDefinition.Create<string>("s").Step<Booking, int>("book", new() { MaxAttempts = 2 }).Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition, configure: services =>
        {
            NoWaits(services);
            services.AddSingleton(_log).AddScoped<Session>().AddScoped<Booking>();
        });
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);

        Assert.Equal(SagaStatus.Completed, (await host.Client.WaitAsync(id, Token)).Status);
        var sessions = _log.ToList();
        Assert.Equal(4, sessions.Count);
        Assert.Equal(["closed", "closed"], [sessions[1], sessions[3]]);
        Assert.NotEqual(sessions[0], sessions[2]);
    }

    [Fact]
    public async Task A_step_that_says_its_outcome_is_unknown_is_tried_again_and_then_undone_as_unknown()
    {
        var tries = 0;
        var definition = SagaDefinition.Create<string>("s").Step("a", (_, _) =>
        {
            tries++;
            throw new SagaOutcomeUnknownException("the gateway said 504");
        }, new() { MaxAttempts = 2 }).Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition, ["a"], NoWaits);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        var saga = await host.Client.WaitAsync(id, Token);

        Assert.Equal(SagaStatus.Compensated, saga.Status);
        Assert.Equal((2, typeof(SagaOutcomeUnknownException).FullName, false), (tries, saga.Failure!.ErrorType, saga.Failure.Rejected));
        Assert.Equal(["undo:a:unknown"], host.World.Log);
    }

    [Fact]
    public async Task Each_try_has_the_steps_timeout_and_the_named_profiles_attempts()
    {
        var time = new FakeTimeProvider();
        var definition = SagaDefinition.Create<string>("s").Step("a", async (_, token) =>
        {
            _log.Enqueue("do");
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
        }, new() { Timeout = TimeSpan.FromSeconds(7), RetryProfile = "api_calls" }).Build();
        await using var host = await SagaTestHost.StartAsync(new(time), definition, ["a"], services => services.Configure<RetryProfileOptions>("api_calls", profile =>
        {
            profile.MaxAttempts = 2;
            profile.BaseDelay = TimeSpan.Zero;
        }));
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await Until.True(() => _log.Count == 1, cancellationToken: Token);

        time.Advance(TimeSpan.FromSeconds(6.9));
        Assert.Single(_log);
        var saga = await host.UntilAsync(id, now => now.IsSettled, TimeSpan.FromSeconds(1));

        Assert.Equal(2, _log.Count);
        Assert.Equal((SagaStatus.Compensated, typeof(TimeoutException).FullName, 2), (saga.Status, saga.Failure!.ErrorType, saga.Failure.Attempts));
    }

    private static void NoWaits(IServiceCollection services) =>
        services.Configure<RetryProfileOptions>(RetryProfileNames.Default, profile => profile.BaseDelay = TimeSpan.Zero);

    private static Task<SagaTestHost> StartAsync(SagaWorld world, SagaDefinition definition, ConcurrentQueue<(string, long)> fences) =>
        SagaTestHost.StartAsync(world, definition, configure: services =>
        {
            services.AddSingleton(fences);
            services.AddSagaCompensation<FencedUndo>("fenced");
            services.Configure<SagaCompensationTableOptions>(
                "s", table => table.Steps.Add(new() { StepId = "a", CompensationAction = new() { Type = "fenced", RetryCount = 0 } }));
        });

    private sealed class FencedUndo(ConcurrentQueue<(string What, long Fence)> fences) : ISagaCompensation
    {
        public ValueTask CompensateAsync(SagaCompensationContext context, CancellationToken cancellationToken)
        {
            fences.Enqueue(("undo a", context.FencingToken));
            return fences.Count(entry => entry.What == "undo a") == 1 ? throw new HttpRequestException("away") : default;
        }
    }

    private sealed class Session(ConcurrentQueue<string> log) : IDisposable
    {
        public string Name { get; } = Guid.NewGuid().ToString();

        public void Dispose() => log.Enqueue("closed");
    }

    private sealed class Booking(Session session, ConcurrentQueue<string> log) : ISagaStep<string, int>
    {
        public ValueTask<int> ExecuteAsync(SagaStepContext<string> context, CancellationToken cancellationToken)
        {
            log.Enqueue(session.Name);
            return context.Attempt == 1 ? throw new HttpRequestException("away") : ValueTask.FromResult(7);
        }
    }
}
