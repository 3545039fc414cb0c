using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Topology.Retry;
using Topology.TestKit;

namespace Topology.Saga.Tests;

/// <summary>Stores that are away for a while, and hosts that stop with more to do than they have slots.</summary>
public sealed class OutageTests
{
    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_guard_that_is_away_for_five_minutes_parks_no_saga()
    {
        var world = new SagaWorld(_time);
        var back = _time.GetUtcNow() + TimeSpan.FromMinutes(5);
        var asked = 0;
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Build();
        await using var host = await SagaTestHost.StartAsync(world, definition, ["a"], services => services.Replace(ServiceDescriptor.Singleton<ISagaEffectGuard>(
            new Guard(world.Guard, () => Interlocked.Increment(ref asked) > 0 && _time.GetUtcNow() < back))));
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);

        var saga = await host.UntilAsync(id, saga => saga.IsSettled, TimeSpan.FromSeconds(4));

        Assert.Equal(SagaStatus.Completed, saga.Status);
        Assert.True(asked > 5, $"asked {asked} times");
        Assert.Empty(world.Log);
    }

    [Fact]
    public async Task An_inbox_that_is_away_ends_no_effect_that_has_begun()
    {
        var world = new SagaWorld();
        var inbox = new Inbox(world.Inbox);
        var gate = new TaskCompletionSource();
        var tries = 0;
        var definition = SagaDefinition.Create<string>("s").Step("a", async (_, token) =>
        {
            tries++;
            await gate.Task.WaitAsync(token);
        }).Build();
        await using var host = await SagaTestHost.StartAsync(world, definition, ["a"], services => services.Replace(ServiceDescriptor.Singleton<ISagaInbox>(inbox)));
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.UntilAsync(id, _ => tries == 1);

        inbox.GoAway();
        await Until.True(() => inbox.Refused > 1, cancellationToken: Token);
        inbox.IsAway = false;
        gate.SetResult();

        Assert.Equal(SagaStatus.Completed, (await host.Client.WaitAsync(id, Token)).Status);
        Assert.Equal(1, tries);
        Assert.Single((await world.EventsAsync(id)).OfType<SagaEvent.Claimed>());
    }

    [Fact]
    public async Task A_host_that_stops_with_every_slot_taken_gives_back_what_waits_for_one()
    {
        var world = new SagaWorld();
        var stays = true;
        var begun = 0;
        var definition = SagaDefinition.Create<string>("s").Step("a", async (_, token) =>
        {
            Interlocked.Increment(ref begun);
            await (stays ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token) : Task.CompletedTask);
        }).Build();
        var ids = new List<SagaId>();
        await using (var first = await SagaTestHost.StartAsync(world, definition, [], s => s.Configure<SagaOptions>(options => options.MaxConcurrentSagas = 1)))
        {
            for (var n = 0; n < 5; n++)
            {
                ids.Add(await first.Client.StartAsync(definition, $"{n}", "input", null, Token));
            }

            await Until.True(() => begun == 1, cancellationToken: Token);
        }

        stays = false;
        await using var second = await SagaTestHost.StartAsync(world, definition);

        foreach (var id in ids)
        {
            Assert.Equal(SagaStatus.Completed, (await second.Client.WaitAsync(id, Token)).Status);
        }
    }

    [Theory]
    [InlineData(119, 2)]
    [InlineData(121, 1)]
    public async Task A_failure_that_asks_for_a_longer_wait_than_the_profile_allows_is_the_last_try(int seconds, int tries)
    {
        var made = 0;
        var definition = SagaDefinition.Create<string>("s").Step("a", (_, _) =>
        {
            made++;
            throw new Busy(TimeSpan.FromSeconds(seconds));
        }, new() { MaxAttempts = 2 }).Build();
        await using var host = await SagaTestHost.StartAsync(new(_time), definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        var started = _time.GetUtcNow();

        Assert.Equal(SagaStatus.Compensated, (await host.UntilAsync(id, saga => saga.IsSettled, TimeSpan.FromSeconds(1))).Status);
        Assert.Equal(tries, made);
        Assert.True(tries == 1 || _time.GetUtcNow() - started >= TimeSpan.FromSeconds(seconds), "the wait that was asked for was undercut");
    }

    private sealed class Busy(TimeSpan after) : Exception("busy"), IRetryHint
    {
        public bool MayRetry => true;

        public TimeSpan? RetryAfter => after;
    }

    private sealed class Guard(ISagaEffectGuard inner, Func<bool> isAway) : ISagaEffectGuard
    {
        public ValueTask<SagaValue?> ExecuteAsync(SagaEffectKey key, Func<ValueTask<SagaValue?>> effect, CancellationToken cancellationToken) =>
            isAway() ? throw new SagaStoreException("away") : inner.ExecuteAsync(key, effect, cancellationToken);

        public ValueTask<SagaValue?> SealAsync(SagaEffectKey key, CancellationToken cancellationToken) => inner.SealAsync(key, cancellationToken);
    }

    private sealed class Inbox(ISagaInbox inner) : ISagaInbox
    {
        private Action _news = static () => { };

        public bool IsAway { get; set; }

        public int Refused { get; private set; }

        public void GoAway()
        {
            IsAway = true;
            _news();
        }

        public ValueTask<long> PostAsync(SagaId id, SagaMessage message, CancellationToken cancellationToken) => inner.PostAsync(id, message, cancellationToken);

        public ValueTask<IReadOnlyList<SagaInboxEntry>> ReadAsync(SagaId id, long afterSequence, bool mayLag, CancellationToken cancellationToken)
        {
            Refused += IsAway ? 1 : 0;
            return IsAway ? throw new SagaStoreException("away") : inner.ReadAsync(id, afterSequence, mayLag, cancellationToken);
        }

        public IDisposable Listen(SagaId id, long afterSequence, Action heard)
        {
            _news = heard;
            return inner.Listen(id, afterSequence, heard);
        }

        public ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken) => inner.ForgetAsync(id, cancellationToken);
    }
}
