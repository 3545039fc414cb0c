using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Topology.Idempotency;
using Topology.Resilience.Internal;
using Topology.Saga;

namespace Topology.Resilience.Tests.Glue;

/// <summary>What runs the effects of sagas must do, wherever keys are kept.</summary>
public abstract class SagaEffectGuardConformance
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_effect_that_completed_does_not_run_again_and_gives_its_result()
    {
        var (guard, key, runs) = (Guard(), NewKey(), 0);
        for (var i = 0; i < 3; i++)
            Assert.Equal("\"one\"", Text(await guard.ExecuteAsync(key, () => Effect(++runs, "one"), Token)));
        Assert.Equal(1, runs);
    }

    [Fact]
    public async Task Each_part_of_the_key_tells_effects_apart()
    {
        var (guard, key, runs) = (Guard(), NewKey(), 0);
        SagaEffectKey[] keys =
        [
            key, key with { Tenant = "other" }, key with { SagaId = new("other", key.SagaId.Value) }, key with { SagaId = new(key.SagaId.Definition, key.SagaId.Value + "x") },
            key with { StepId = "other" }, key with { Undo = true }, key with { Round = 2 }, key with { StepId = $"{key.StepId}:do:1", Round = 1 },
        ];
        foreach (var other in keys.Concat(keys))
            await guard.ExecuteAsync(other, () => Effect(++runs, "x"), Token);
        Assert.Equal(keys.Length, runs);
    }

    [Theory]
    [InlineData(256, 1)]
    [InlineData(10, 2_000)]
    public async Task Names_as_long_as_they_may_be_are_keys_too(int id, int tenant)
    {
        var (guard, runs) = (Guard(), 0);
        var key = new SagaEffectKey(new string('ä', tenant), new("guard", $"{Guid.NewGuid():N}"[..6] + new string('ü', id - 6)), new string('ß', 100), false, 1);
        foreach (var same in new[] { key, key, key with { Round = 2 }, key with { Tenant = key.Tenant + "b" } })
            await guard.ExecuteAsync(same, () => Effect(++runs, "x"), Token);
        Assert.Equal(3, runs);
    }

    [Fact]
    public async Task Nothing_is_kept_of_a_try_that_failed_and_the_next_one_runs()
    {
        var (guard, key) = (Guard(), NewKey());
        Assert.Null(await guard.ExecuteAsync(key, () => default, Token));
        Assert.Null(await guard.ExecuteAsync(key, async () => { await Task.Yield(); return null; }, Token));
        Assert.Equal("\"now\"", Text(await guard.ExecuteAsync(key, () => Effect(1, "now"), Token)));
    }

    [Fact]
    public async Task An_effect_in_progress_elsewhere_is_waited_for_and_not_run_beside_it()
    {
        var (guard, other, key, runs) = (Guard(), Guard(), NewKey(), 0);
        var gate = new TaskCompletionSource();
        var first = guard.ExecuteAsync(key, async () => { runs++; await gate.Task; return await Effect(1, "first"); }, Token).AsTask();
        await Until.True(() => runs == 1, cancellationToken: Token);
        var second = other.ExecuteAsync(key, () => Effect(++runs, "second"), Token).AsTask();
        using var impatient = new CancellationTokenSource();
        var third = other.ExecuteAsync(key, () => Effect(++runs, "third"), impatient.Token).AsTask();
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => third);
        Assert.False(second.IsCompleted);
        gate.SetResult();
        Assert.Equal(["\"first\"", "\"first\""], (await Task.WhenAll(first, second)).Select(Text));
        Assert.Equal(1, runs);
    }

    [Fact]
    public async Task A_sealed_key_runs_nothing_and_an_effect_under_way_cannot_complete()
    {
        var (guard, key, runs) = (Guard(), NewKey(), 0);
        var gate = new TaskCompletionSource();
        var late = guard.ExecuteAsync(key, async () => { runs++; await gate.Task; return await Effect(1, "late"); }, Token).AsTask();
        await Until.True(() => runs == 1, cancellationToken: Token);
        Assert.Null(await Guard().SealAsync(key, Token));
        await Assert.ThrowsAsync<SagaSealedException>(async () => await guard.ExecuteAsync(key, () => Effect(++runs, "x"), Token));
        gate.SetResult();
        await Assert.ThrowsAsync<SagaSealedException>(() => late);
        Assert.Null(await guard.SealAsync(key, Token));
        Assert.Equal(1, runs);
    }

    [Fact]
    public async Task A_seal_hands_over_the_result_of_an_effect_that_had_completed()
    {
        var (guard, key) = (Guard(), NewKey());
        await guard.ExecuteAsync(key, () => Effect(1, "done"), Token);
        Assert.Equal("\"done\"", Text(await Guard().SealAsync(key, Token)));
    }

    /// <summary>Makes a guard as another process would have it, on the same records where processes share them.</summary>
    private protected abstract ISagaEffectGuard Guard();

    private protected static SagaEffectKey NewKey() => new("tenant", new("guard", $"s:{Guid.NewGuid():N}"), "pay", false, 1);

    private protected static ValueTask<SagaValue?> Effect(int run, string text) => ValueTask.FromResult<SagaValue?>(SagaValue.Create(run > 0 ? text : "", TestJson.Default.String));

    private protected static string Text(SagaValue? value) => System.Text.Encoding.UTF8.GetString(value!.ToJson().Span);
}

public sealed class InMemorySagaEffectGuardTests : SagaEffectGuardConformance, IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddTopologyResilience(new ConfigurationManager()).UseInMemory().Services.BuildServiceProvider();

    [Fact]
    public void Keys_in_memory_are_remembered_as_long_as_the_saga() => Assert.Null(Guard().RecordLife);

    public void Dispose() => _services.Dispose();

    private protected override ISagaEffectGuard Guard() => _services.GetRequiredService<ISagaEffectGuard>();
}

public sealed class SagaEffectsTests : SagaEffectGuardConformance, IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddLogging().AddTopologyIdempotency().AddInMemoryIdempotencyStore().AddTopologySaga().BuildServiceProvider();

    public void Dispose() => _services.Dispose();

    private protected override ISagaEffectGuard Guard() => ActivatorUtilities.CreateInstance<SagaEffects>(_services);
}

public sealed class RedisSagaEffectsTests(RedisFixture redis) : SagaEffectGuardConformance, IDisposable
{
    private readonly ServiceProvider _services = Services(redis.Server.ConnectionString);

    [Fact]
    public void Records_live_as_long_as_anything_can_start_or_retry_the_saga() => Assert.Equal(TimeSpan.FromDays(38), Guard().RecordLife);

    [Fact]
    public async Task A_completed_effect_is_remembered_for_as_long_as_it_says()
    {
        var key = NewKey();
        await Guard().ExecuteAsync(key, () => Effect(1, "x"), TestContext.Current.CancellationToken);
        var record = await _services.GetRequiredService<IIdempotencyStore>().PeekAsync(
            IdempotencyRecordKey.Internal("tenant", "saga", "guard", $"{Uri.EscapeDataString(key.SagaId.Value)}:pay:do:1"), TimeSpan.Zero, TestContext.Current.CancellationToken);
        Assert.Equal(RecordState.Completed, record!.State);
        Assert.InRange(record.TimeToLive, TimeSpan.FromDays(37.9), TimeSpan.FromDays(38));
    }

    [Fact]
    public async Task A_result_refused_because_the_lease_was_lost_is_offered_again_and_the_effect_is_not_repeated()
    {
        var (guard, key, runs) = (Guard(), NewKey(), 0);
        var result = await guard.ExecuteAsync(
            key,
            async () =>
            {
                await redis.Connection.GetDatabase().KeyDeleteAsync([.. redis.Connection.GetServers()[0].Keys(pattern: $"*{key.SagaId.Value[2..]}*")]);
                return await Effect(++runs, "mine");
            },
            TestContext.Current.CancellationToken);
        Assert.Equal(("\"mine\"", 1), (Text(result), runs));
        Assert.Equal("\"mine\"", Text(await guard.ExecuteAsync(key, () => Effect(++runs, "again"), TestContext.Current.CancellationToken)));
        Assert.Equal(1, runs);
    }

    [Fact]
    public async Task Without_the_store_no_effect_runs()
    {
        await using var services = Services("127.0.0.1:1,connectTimeout=100,asyncTimeout=200");
        var (guard, runs) = (services.GetRequiredService<ISagaEffectGuard>(), 0);
        await Assert.ThrowsAsync<SagaStoreException>(async () => await guard.ExecuteAsync(NewKey(), () => Effect(++runs, "x"), TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<SagaStoreException>(async () => await guard.SealAsync(NewKey(), TestContext.Current.CancellationToken));
        Assert.Equal(0, runs);
    }

    public void Dispose() => _services.Dispose();

    private protected override ISagaEffectGuard Guard() => _services.GetRequiredService<ISagaEffectGuard>();

    private static ServiceProvider Services(string redis)
    {
        var configuration = new ConfigurationManager();
        configuration["ConnectionStrings:redis"] = redis;
        return new ServiceCollection().AddTopologyResilience(configuration).UseRedis().UseInMemory().Services.BuildServiceProvider();
    }
}
