using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Topology.TestKit;

namespace Topology.Saga.Tests;

public sealed class SagaListenerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_step_under_way_hears_what_comes_after_what_it_heard_before()
    {
        var (definition, tries) = Hanging();
        var world = new SagaWorld();
        await using var host = await SagaTestHost.StartAsync(world, definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await Until.True(() => tries.Count == 1, cancellationToken: Token);
        for (var n = 1; n <= 3; n++)
        {
            await world.Inbox.PostAsync(id, new SagaMessage.Signal("go", SagaValue.None), Token);
            await Until.Value(() => world.EventsAsync(id), events => events.OfType<SagaEvent.MessageTaken>().Count() == n, cancellationToken: Token);
        }

        await host.Client.CancelAsync(id, "enough", cancellationToken: Token);

        Assert.Equal(SagaStatus.Compensated, (await host.Client.WaitAsync(id, Token)).Status);
        Assert.Equal(["undo:a:unknown"], world.Log);
    }

    [Fact]
    public async Task What_comes_while_something_is_being_heard_is_heard_next()
    {
        var (definition, tries) = Hanging();
        var world = new SagaWorld();
        var inbox = new SlowInbox(world.Inbox);
        await using var host = await SagaTestHost.StartAsync(world, definition, ["a"], s => s.Replace(ServiceDescriptor.Singleton<ISagaInbox>(inbox)));
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await Until.True(() => tries.Count == 1, cancellationToken: Token);

        // The first message is being read, and the read has seen its end already, when the second one comes.
        inbox.IsSlow = true;
        await world.Inbox.PostAsync(id, new SagaMessage.Signal("go", SagaValue.None), Token);
        await inbox.HasRead.Task.WaitAsync(Token);
        await host.Client.CancelAsync(id, "enough", cancellationToken: Token);
        inbox.GoOn.SetResult();

        Assert.Equal(SagaStatus.Compensated, (await host.Client.WaitAsync(id, Token)).Status);
    }

    [Fact]
    public async Task A_step_that_ends_while_something_is_being_heard_waits_until_that_is_written_down()
    {
        var gate = new TaskCompletionSource();
        var definition = SagaDefinition.Create<string>("s").Step("a", async (_, _) => await gate.Task).Build();
        var world = new SagaWorld();
        var inbox = new SlowInbox(world.Inbox);
        await using var host = await SagaTestHost.StartAsync(world, definition, [], s => s.Replace(ServiceDescriptor.Singleton<ISagaInbox>(inbox)));
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await Until.True(() => inbox.Listening == 1, cancellationToken: Token);
        inbox.IsSlow = true;
        await world.Inbox.PostAsync(id, new SagaMessage.Signal("go", SagaValue.None), Token);
        await inbox.HasRead.Task.WaitAsync(Token);

        // Whoever does not wait goes on inside of this call, and only one read is slow.
        inbox.IsSlow = false;
        gate.SetResult();
        inbox.GoOn.SetResult();
        await host.Client.WaitAsync(id, Token);

        var last = (await world.Journal.ReadAsync(id, 0, Token))[^1].Entry.Events;
        Assert.Equal([typeof(SagaEvent.StepCompleted), typeof(SagaEvent.Settled)], last.Select(e => e.GetType()));
        await Until.True(() => inbox.Listening == 0, cancellationToken: Token);
    }

    [Fact]
    public async Task What_came_just_before_a_step_began_is_heard()
    {
        var (definition, tries) = Hanging();
        var world = new SagaWorld();
        var guard = new TellingGuard(world.Guard, id => tries.Count > 0 ? new(0) : world.Inbox.PostAsync(id, new SagaMessage.Cancellation(true, "ada", "enough"), Token)) { TellsBefore = true };
        await using var host = await SagaTestHost.StartAsync(
            world, definition, ["a"], s => s.Replace(ServiceDescriptor.Singleton<ISagaInbox>(new SlowInbox(world.Inbox) { TellsAtOnce = true })).Replace(ServiceDescriptor.Singleton<ISagaEffectGuard>(guard)));
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);

        Assert.Equal(SagaStatus.Compensated, (await host.Client.WaitAsync(id, Token)).Status);
    }

    [Fact]
    public async Task What_was_said_before_the_last_step_is_written_down_is_taken_with_it()
    {
        var definition = SagaDefinition.Create<string>("s").Step("a", static async (_, _) => await Task.Yield()).Build();
        var world = new SagaWorld();
        var guard = new TellingGuard(world.Guard, id => world.Inbox.PostAsync(id, new SagaMessage.Signal("go", SagaValue.None), Token));
        await using var host = await SagaTestHost.StartAsync(
            world, definition, [], s => s.Replace(ServiceDescriptor.Singleton<ISagaInbox>(new SlowInbox(world.Inbox) { IsDeaf = true })).Replace(ServiceDescriptor.Singleton<ISagaEffectGuard>(guard)));
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.Client.WaitAsync(id, Token);

        Assert.IsType<SagaEvent.MessageTaken>((await world.EventsAsync(id))[^3]);
        Assert.IsType<SagaEvent.Settled>((await world.EventsAsync(id))[^1]);
    }

    private static (SagaDefinition<string> Definition, List<int> Tries) Hanging()
    {
        var tries = new List<int>();
        return (SagaDefinition.Create<string>("s").Step("a", async (context, token) =>
        {
            tries.Add(context.Attempt);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
        }, new() { Timeout = TimeSpan.FromHours(1) }).Build(), tries);
    }

    private sealed class TellingGuard(ISagaEffectGuard inner, Func<SagaId, ValueTask<long>> tell) : ISagaEffectGuard
    {
        public bool TellsBefore { get; init; }

        public async ValueTask<SagaValue?> ExecuteAsync(SagaEffectKey key, Func<ValueTask<SagaValue?>> effect, CancellationToken cancellationToken)
        {
            if (TellsBefore)
            {
                await tell(key.SagaId);
                return await inner.ExecuteAsync(key, effect, cancellationToken);
            }

            var result = await inner.ExecuteAsync(key, effect, cancellationToken);
            await tell(key.SagaId);
            return result;
        }

        public ValueTask<SagaValue?> SealAsync(SagaEffectKey key, CancellationToken cancellationToken) => inner.SealAsync(key, cancellationToken);
    }

    private sealed class SlowInbox(ISagaInbox inner) : ISagaInbox
    {
        private int _listening;

        public bool IsDeaf { get; init; }

        public int Listening => Volatile.Read(ref _listening);

        public bool IsSlow { get; set; }

        /// <summary>Whether whoever listens is told of what is there already before he has begun.</summary>
        public bool TellsAtOnce { get; init; }

        public TaskCompletionSource HasRead { get; } = new();

        public TaskCompletionSource GoOn { get; } = new();

        public ValueTask<long> PostAsync(SagaId id, SagaMessage message, CancellationToken cancellationToken) => inner.PostAsync(id, message, cancellationToken);

        public async ValueTask<IReadOnlyList<SagaInboxEntry>> ReadAsync(SagaId id, long afterSequence, bool mayLag, CancellationToken cancellationToken)
        {
            var read = await inner.ReadAsync(id, afterSequence, mayLag, cancellationToken);
            if (IsSlow)
            {
                HasRead.TrySetResult();
                await GoOn.Task;
            }

            return read;
        }

        public IDisposable Listen(SagaId id, long afterSequence, Action heard)
        {
            var listening = inner.Listen(id, afterSequence, IsDeaf || TellsAtOnce ? static () => { } : heard);
            if (TellsAtOnce && inner.ReadAsync(id, afterSequence, mayLag: false, CancellationToken.None).AsTask().Result.Count > 0)
            {
                heard();
            }

            Interlocked.Increment(ref _listening);
            return new End(() =>
            {
                listening.Dispose();
                Interlocked.Decrement(ref _listening);
            });
        }

        public ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken) => inner.ForgetAsync(id, cancellationToken);

        private sealed class End(Action end) : IDisposable
        {
            public void Dispose() => end();
        }
    }
}
