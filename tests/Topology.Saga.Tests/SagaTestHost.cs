using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Topology.Retry;
using Topology.Saga.Internal;
using Topology.TestKit;

namespace Topology.Saga.Tests;

/// <summary>What outlives a host: the store, the participants' memory and their log. Several hosts may stand on one.</summary>
internal sealed class SagaWorld
{
    public SagaWorld(TimeProvider? time = null)
    {
        Time = time ?? TimeProvider.System;
        Journal = new InMemorySagaJournal(Time);
        Dispatcher = new InMemorySagaDispatcher(Time);
    }

    public TimeProvider Time { get; }

    public InMemorySagaJournal Journal { get; }

    public InMemorySagaInbox Inbox { get; } = new();

    public InMemorySagaDispatcher Dispatcher { get; }

    public InMemorySagaEffectGuard Guard { get; } = new();

    /// <summary>What participants were asked, in order: <c>undo:{step}</c>, with <c>:unknown</c> when they were told so.</summary>
    public ConcurrentQueue<string> Log { get; } = new();

    public async Task<List<SagaEvent>> EventsAsync(SagaId id) =>
        [.. (await Journal.ReadAsync(id, 0, TestContext.Current.CancellationToken)).SelectMany(stored => stored.Entry.Events)];
}

/// <summary>One process that runs one definition on a world.</summary>
internal sealed class SagaTestHost : IAsyncDisposable
{
    private readonly IHost _host;
    private bool _stopped;

    private SagaTestHost(SagaWorld world, SagaDefinition definition, string[] undoable, Action<IServiceCollection>? configure)
    {
        World = world;
        var builder = Host.CreateEmptyApplicationBuilder(new() { DisableDefaults = true });
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.None));
        builder.Services.AddSingleton(world.Time).AddSingleton(world);
        builder.Services.AddSingleton<ISagaJournal>(world.Journal).AddSingleton<ISagaInbox>(world.Inbox);
        builder.Services.AddSingleton<ISagaDispatcher>(world.Dispatcher).AddSingleton<ISagaEffectGuard>(world.Guard);
        builder.Services.Configure<RetryProfileOptions>(RetryProfileNames.Default, profile => profile.Jitter = RetryJitter.None);
        builder.Services.AddSaga(definition).AddSagaCompensation<LoggedUndo>("undo");
        builder.Services.Configure<SagaCompensationTableOptions>(definition.Name, table =>
        {
            foreach (var step in undoable)
            {
                table.Steps.Add(new() { StepId = step, CompensationAction = new() { Type = "undo" } });
            }
        });
        configure?.Invoke(builder.Services);
        _host = builder.Build();
    }

    public SagaWorld World { get; }

    public IServiceProvider Services => _host.Services;

    public ISagaClient Client => _host.Services.GetRequiredService<ISagaClient>();

    public ISagaOperator Operator => _host.Services.GetRequiredService<ISagaOperator>();

    public static async Task<SagaTestHost> StartAsync(
        SagaWorld world, SagaDefinition definition, string[]? undoable = null, Action<IServiceCollection>? configure = null)
    {
        var host = new SagaTestHost(world, definition, undoable ?? [], configure);
        await host._host.StartAsync(TestContext.Current.CancellationToken);
        return host;
    }

    /// <summary>Moves the world's time on, again and again, until the saga is as wanted.</summary>
    public async Task<SagaSnapshot> UntilAsync(SagaId id, Func<SagaSnapshot, bool> wanted, TimeSpan step = default) =>
        (await Until.Value(() => LookAsync(id, step), saga => saga is not null && wanted(saga), cancellationToken: TestContext.Current.CancellationToken))!;

    public Task UntilGoneAsync(SagaId id, TimeSpan step) =>
        Until.Value(() => LookAsync(id, step), static (SagaSnapshot? saga) => saga is null, cancellationToken: TestContext.Current.CancellationToken);

    public async Task StopAsync()
    {
        _stopped = true;
        await _host.StopAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_stopped)
        {
            await _host.StopAsync();
        }

        _host.Dispose();
    }

    private async Task<SagaSnapshot?> LookAsync(SagaId id, TimeSpan step)
    {
        (World.Time as FakeTimeProvider)?.Advance(step);
        return await Client.GetAsync(id, TestContext.Current.CancellationToken);
    }

    private sealed class LoggedUndo(SagaWorld world) : ISagaCompensation
    {
        public ValueTask CompensateAsync(SagaCompensationContext context, CancellationToken cancellationToken)
        {
            Assert.False(cancellationToken.IsCancellationRequested);
            world.Log.Enqueue($"undo:{context.StepId}{(context.OutcomeUnknown ? ":unknown" : "")}");
            return default;
        }
    }
}
