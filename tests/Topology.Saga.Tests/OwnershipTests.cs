using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Topology.Saga.Internal;
using Topology.TestKit;

namespace Topology.Saga.Tests;

/// <summary>Hosts that stop, owners that are replaced, and what the next one may still conclude.</summary>
public sealed class OwnershipTests
{
    private static readonly SagaStepOptions _once = new() { MaxAttempts = 1 };
    private readonly FakeTimeProvider _time = new();
    private readonly ConcurrentQueue<string> _log = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_host_that_stops_inside_a_compensation_leaves_it_and_another_goes_on_with_the_same_key()
    {
        var world = new SagaWorld();
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Step("b", static (_, _) => throw new SagaRejectedException("no")).Build();
        var hangs = true;
        await using (var first = await StartAsync(world, definition, Undo))
        {
            var id = await first.Client.StartAsync(definition, "1", "input", null, Token);
            await Until.True(() => !_log.IsEmpty, cancellationToken: Token);
            await first.StopAsync();
            Assert.DoesNotContain(await world.EventsAsync(id), e => e is SagaEvent.CompensationExhausted or SagaEvent.StepCompensated);
        }

        hangs = false;
        await using var second = await StartAsync(world, definition, Undo);
        var saga = await second.Client.WaitAsync(new("s", "1"), Token);

        Assert.Equal(SagaStatus.Compensated, saga.Status);
        Assert.Equal(["-:s%2F1:a:undo:1", "-:s%2F1:a:undo:1"], _log);

        async ValueTask Undo(SagaCompensationContext context, CancellationToken token)
        {
            _log.Enqueue(context.IdempotencyKey);
            await (hangs ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token) : Task.CompletedTask);
        }
    }

    [Fact]
    public async Task The_end_of_a_saga_is_told_by_whoever_gets_its_item_when_its_owner_did_not_come_to_it()
    {
        var world = new SagaWorld();
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Build();
        var told = new ConcurrentQueue<(long Version, bool Ended)>();
        var id = new SagaId("s", "1");
        var asked = new TaskCompletionSource();
        await using (var first = await SagaTestHost.StartAsync(world, definition, configure: services => services.AddSingleton<ISagaObserver>(new Telling(async (_, entry, token) =>
        {
            if (entry.Events.Any(e => e is SagaEvent.Settled))
            {
                asked.SetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
            }
        }))))
        {
            await first.Client.StartAsync(definition, id.Value, "input", null, Token);
            await asked.Task.WaitAsync(Token);
            await first.StopAsync();
        }

        await using var second = await SagaTestHost.StartAsync(world, definition, configure: services => services.AddSingleton<ISagaObserver>(new Telling((version, entry, _) =>
        {
            told.Enqueue((version, entry.Events.Any(e => e is SagaEvent.Settled)));
            return default;
        })));
        await Until.True(() => !told.IsEmpty, cancellationToken: Token);

        Assert.Equal([((await world.Journal.ReadAsync(id, 0, Token))[^1].Version, true)], told);
    }

    [Fact]
    public async Task A_host_that_stops_between_two_tries_leaves_the_saga_and_nothing_is_undone()
    {
        var world = new SagaWorld(_time);
        var away = true;
        var definition = SagaDefinition.Create<string>("s").Step("a", (_, _) =>
        {
            _log.Enqueue("do");
            return away ? throw new HttpRequestException("away") : default;
        }).Build();
        await using (var first = await SagaTestHost.StartAsync(world, definition, ["a"]))
        {
            await first.Client.StartAsync(definition, "1", "input", null, Token);
            await Until.True(() => !_log.IsEmpty, cancellationToken: Token);
            await first.StopAsync();
        }

        away = false;
        await using var second = await SagaTestHost.StartAsync(world, definition, ["a"]);

        Assert.Equal(SagaStatus.Completed, (await second.Client.WaitAsync(new("s", "1"), Token)).Status);
        Assert.Equal(["do", "do"], _log);
        Assert.Empty(world.Log);
    }

    [Fact]
    public async Task A_saga_that_waits_outlives_its_host_and_another_hears_the_signal()
    {
        var world = new SagaWorld(_time);
        var definition = SagaDefinition.Create<string>("s").WaitForSignal<int>("w", "go", TimeSpan.FromHours(1)).Build();
        await using (var first = await SagaTestHost.StartAsync(world, definition))
        {
            var id = await first.Client.StartAsync(definition, "1", "input", null, Token);
            await first.UntilAsync(id, saga => saga.Status == SagaStatus.Waiting);
        }

        await using var second = await SagaTestHost.StartAsync(world, definition);
        await second.Client.SignalAsync(new("s", "1"), "go", 7, Token);

        Assert.Equal(SagaStatus.Completed, (await second.Client.WaitAsync(new("s", "1"), Token)).Status);
    }

    [Fact]
    public async Task An_owner_that_is_replaced_between_two_tries_makes_no_further_one()
    {
        var world = new SagaWorld(_time);
        var definition = SagaDefinition.Create<string>("s").Step("a", (_, _) =>
        {
            _log.Enqueue("do");
            throw new HttpRequestException("away");
        }, new() { MaxAttempts = 100 }).Build();
        await using var host = await SagaTestHost.StartAsync(world, definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await Until.True(() => !_log.IsEmpty, cancellationToken: Token);
        var claimed = (await host.Client.GetAsync(id, Token))!;

        await world.Journal.AppendAsync(id, claimed.Version, new(Guid.NewGuid(), [new SagaEvent.Claimed("another", true)]), Token);
        var board = host.Services.GetRequiredService<SagaBoard>();
        await host.UntilAsync(id, _ => board.Running == 0, TimeSpan.FromSeconds(10));

        Assert.Single(_log);
        Assert.Equal(claimed.Version + 1, (await host.Client.GetAsync(id, Token))!.Version);
        Assert.Empty(world.Log);
    }

    [Theory]
    [InlineData(SagaStepKind.Compensable, SagaStatus.Compensated, "undo:b:unknown undo:a")]
    [InlineData(SagaStepKind.Pivot, SagaStatus.Stuck, "")]
    public async Task A_refusal_seen_only_after_a_take_over_counts_as_unknown(SagaStepKind kind, SagaStatus status, string undone)
    {
        var world = new SagaWorld();
        var hangs = true;
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Step("b", async (_, token) =>
        {
            _log.Enqueue("do");
            await (hangs ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token) : Task.CompletedTask);
            throw new SagaRejectedException("no");
        }, new() { Kind = kind }).Build();
        var undoable = kind == SagaStepKind.Pivot ? new[] { "a" } : ["a", "b"];
        await using (var first = await SagaTestHost.StartAsync(world, definition, undoable))
        {
            await first.Client.StartAsync(definition, "1", "input", null, Token);
            await Until.True(() => !_log.IsEmpty, cancellationToken: Token);
            await first.StopAsync();
        }

        hangs = false;
        await using var second = await SagaTestHost.StartAsync(world, definition, undoable);

        Assert.Equal(status, (await second.Client.WaitAsync(new("s", "1"), Token)).Status);
        Assert.Equal(undone, string.Join(' ', world.Log));
    }

    [Fact]
    public async Task A_key_found_completed_at_the_seal_hands_its_result_to_the_compensation()
    {
        var world = new SagaWorld();
        var definition = SagaDefinition.Create<string>("s").Step<string>("a", static (_, _) => throw new HttpRequestException("no answer"), _once).Build();
        var stored = SagaValue.FromJson("\"ticket\""u8.ToArray());
        await using var host = await StartAsync(
            world,
            definition,
            (context, _) =>
            {
                _log.Enqueue($"{context.OutcomeUnknown} {context.Result<string>("a")}");
                return default;
            },
            services => services.Replace(ServiceDescriptor.Singleton<ISagaEffectGuard>(new Guard(world.Guard) { FoundAtSeal = stored })));
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);

        Assert.Equal(SagaStatus.Compensated, (await host.Client.WaitAsync(id, Token)).Status);
        Assert.Equal(["False ticket"], _log);
        Assert.Contains(await world.EventsAsync(id), e => e is SagaEvent.OutcomeLearned);
    }

    [Theory]
    [InlineData(SagaStepKind.Compensable, 23, SagaStatus.Completed, 2)]
    [InlineData(SagaStepKind.Compensable, 25, SagaStatus.Compensated, 1)]
    [InlineData(SagaStepKind.Pivot, 25, SagaStatus.Stuck, 1)]
    public async Task A_step_whose_record_may_be_gone_by_age_is_unknown_and_not_tried_again(SagaStepKind kind, int hoursAway, SagaStatus status, int tries)
    {
        var world = new SagaWorld(_time);
        var definition = SagaDefinition.Create<string>("s").Step("a", async (_, token) =>
        {
            _log.Enqueue("do");
            await (_log.Count == 1 ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token) : Task.CompletedTask);
        }, new() { Kind = kind }).Build();
        string[] undoable = kind == SagaStepKind.Pivot ? [] : ["a"];
        await using (var first = await SagaTestHost.StartAsync(world, definition, undoable, Forgetful(world)))
        {
            await first.Client.StartAsync(definition, "1", "input", null, Token);
            await Until.True(() => !_log.IsEmpty, cancellationToken: Token);
            await first.StopAsync();
        }

        _time.Advance(TimeSpan.FromHours(hoursAway));
        await using var second = await SagaTestHost.StartAsync(world, definition, undoable, Forgetful(world));

        Assert.Equal(status, (await second.Client.WaitAsync(new("s", "1"), Token)).Status);
        Assert.Equal(tries, _log.Count);
        Assert.Equal(status == SagaStatus.Compensated ? ["undo:a:unknown"] : [], world.Log);
    }

    [Fact]
    public async Task A_compensation_whose_record_may_be_gone_by_age_is_the_operators()
    {
        var world = new SagaWorld(_time);
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Step("b", static (_, _) => throw new SagaRejectedException("no")).Build();
        await using (var first = await StartAsync(world, definition, Undo, Forgetful(world)))
        {
            await first.Client.StartAsync(definition, "1", "input", null, Token);
            await Until.True(() => !_log.IsEmpty, cancellationToken: Token);
            await first.StopAsync();
        }

        _time.Advance(TimeSpan.FromHours(25));
        await using var second = await StartAsync(world, definition, Undo, Forgetful(world));
        var saga = await second.Client.WaitAsync(new("s", "1"), Token);
        Assert.Equal(SagaStatus.CompensationFailed, saga.Status);
        Assert.Equal(typeof(SagaOutcomeUnknownException).FullName, saga.Steps[0].LastFailure!.ErrorType);
        Assert.Single(_log);

        await second.Operator.DecideAsync(saga.Id, new(SagaVerb.Retry, "a", "ada", "it was not undone"), Token);
        await second.UntilAsync(saga.Id, now => now.Status == SagaStatus.Compensated);
        Assert.Equal(2, _log.Count);

        async ValueTask Undo(SagaCompensationContext context, CancellationToken token)
        {
            _log.Enqueue("undo");
            await (_log.Count == 1 ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token) : Task.CompletedTask);
        }
    }

    [Fact]
    public async Task A_step_of_a_saga_that_was_parked_for_longer_than_its_record_lives_is_unknown_and_not_tried_again()
    {
        var world = new SagaWorld(_time);
        var definition = SagaDefinition.Create<string>("s").Step("a", (_, _) =>
        {
            _log.Enqueue("do");
            return default;
        }).Build();
        await using var host = await SagaTestHost.StartAsync(world, definition, ["a"], services =>
        {
            services.Configure<SagaOptions>(options => options.MaxTakeovers = 1);
            services.Replace(ServiceDescriptor.Singleton<ISagaEffectGuard>(new Guard(world.Guard) { RecordLife = TimeSpan.FromDays(1), LosesAnswers = 2 }));
        });
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(id, saga => saga.Status == SagaStatus.Parked, TimeSpan.FromSeconds(1));

        _time.Advance(TimeSpan.FromHours(25));
        await host.Operator.DecideAsync(id, new(SagaVerb.Retry, "a", "ada", "go on"), Token);
        await host.UntilAsync(id, saga => saga.Status == SagaStatus.Compensated, TimeSpan.FromSeconds(1));

        Assert.Single(_log);
        Assert.Equal(["undo:a"], world.Log);
    }

    /// <summary>A guard whose records live for a day.</summary>
    private static Action<IServiceCollection> Forgetful(SagaWorld world) =>
        services => services.Replace(ServiceDescriptor.Singleton<ISagaEffectGuard>(new Guard(world.Guard) { RecordLife = TimeSpan.FromDays(1) }));

    private static Task<SagaTestHost> StartAsync(
        SagaWorld world, SagaDefinition definition, Func<SagaCompensationContext, CancellationToken, ValueTask> undo, Action<IServiceCollection>? configure = null) =>
        SagaTestHost.StartAsync(world, definition, configure: services =>
        {
            services.AddSingleton(undo);
            services.AddSagaCompensation<GivenUndo>("given");
            services.Configure<SagaCompensationTableOptions>(
                definition.Name, table => table.Steps.Add(new() { StepId = "a", CompensationAction = new() { Type = "given" } }));
            configure?.Invoke(services);
        });

    private sealed class GivenUndo(Func<SagaCompensationContext, CancellationToken, ValueTask> undo) : ISagaCompensation
    {
        public ValueTask CompensateAsync(SagaCompensationContext context, CancellationToken cancellationToken) => undo(context, cancellationToken);
    }

    private sealed class Guard(ISagaEffectGuard inner) : ISagaEffectGuard
    {
        public TimeSpan? RecordLife { get; init; }

        public SagaValue? FoundAtSeal { get; init; }

        /// <summary>How often the effect happens and nobody hears of it.</summary>
        public int LosesAnswers { get; set; }

        public async ValueTask<SagaValue?> ExecuteAsync(SagaEffectKey key, Func<ValueTask<SagaValue?>> effect, CancellationToken cancellationToken)
        {
            var result = await inner.ExecuteAsync(key, effect, cancellationToken);
            return LosesAnswers-- > 0 ? throw new SagaStoreException("The answer was lost.") : result;
        }

        public ValueTask<SagaValue?> SealAsync(SagaEffectKey key, CancellationToken cancellationToken) =>
            FoundAtSeal is null ? inner.SealAsync(key, cancellationToken) : new(FoundAtSeal);
    }

    private sealed class Telling(Func<long, SagaEntry, CancellationToken, ValueTask> told) : ISagaObserver
    {
        public ValueTask OnAppendedAsync(SagaId id, long version, SagaEntry entry, CancellationToken cancellationToken) => told(version, entry, cancellationToken);
    }
}
