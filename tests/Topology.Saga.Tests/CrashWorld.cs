using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Topology.Retry;
using Topology.Saga.Internal;

namespace Topology.Saga.Tests;

internal sealed class SimulatedCrashException : Exception;

internal enum CrashPoint
{
    BeforeAppend,
    AfterAppend,
    AfterEffect,
}

/// <summary>Runs scenarios without a host: a crash ends the owner where it stands, and the next one takes the same item.</summary>
/// <remarks>Owners' clocks are wrong by an hour, one ahead, the next behind. The store's is right.</remarks>
internal sealed class CrashWorld : ISagaJournal, ISagaEffectGuard, ISagaLetterSink, IDisposable
{
    public static readonly TimeSpan Deadline = TimeSpan.FromDays(300);
    private static readonly TimeSpan _wait = TimeSpan.FromDays(1);

    private readonly InMemorySagaEffectGuard _guard = new();
    private readonly WrongClock _storeClock = new(TimeSpan.Zero);
    private readonly InMemorySagaJournal _journal;
    private readonly ServiceProvider[] _owners;
    private readonly Dictionary<string, Scenario> _scenarios;
    private int _appends;
    private (CrashPoint Point, int Number)? _crash;
    private int _effects;
    private readonly HashSet<Guid> _sent = [];

    public CrashWorld(IReadOnlyList<Scenario> scenarios)
    {
        _journal = new(_storeClock);
        _scenarios = scenarios.ToDictionary(scenario => scenario.Name);
        var dispatcher = new InMemorySagaDispatcher(TimeProvider.System);
        var inbox = new InMemorySagaInbox();
        Inbox = inbox;
        Dispatcher = dispatcher;
        var definitions = scenarios.Select(Define).ToList();
        Definitions = definitions.ToDictionary(definition => definition.Name);
        _owners = [.. new[] { 1, -1 }.Select(hours => Owner(hours, scenarios, definitions, inbox, dispatcher))];
    }

    public Dictionary<string, SagaDefinition<string>> Definitions { get; }

    public InMemorySagaInbox Inbox { get; }

    public InMemorySagaDispatcher Dispatcher { get; }

    public List<string> Trace { get; } = [];

    public HashSet<string> Keys { get; } = [];

    public List<SagaLetter> Letters { get; } = [];

    public int Appends => _appends;

    public int Effects => _effects;

    /// <summary>The entry at which the crash came, when it was one.</summary>
    public SagaEntry? CrashedAt { get; private set; }

    /// <summary>Loses the answer to the first sending of every append: of what was not stored, or of what was.</summary>
    public CrashPoint? LosesFirstAnswers { get; init; }

    public Func<int, Task>? BeforeEachAppend { get; set; }

    public Func<int, Task>? AfterEachAppend { get; set; }

    /// <summary>Lets the store's clock pass a time; nobody else's.</summary>
    public void LetStoreTimePass(TimeSpan time) => _storeClock.WrongBy += time;

    /// <summary>From now on the scenario's participants play another script.</summary>
    public void Mend(Scenario scenario) => _scenarios[scenario.Name] = scenario;

    /// <summary>Runs a saga to its rest; returns it and how many owners that took.</summary>
    public async Task<(SagaSnapshot Saga, int Owners)> RunAsync(
        Scenario scenario, string value, (CrashPoint Point, int Number)? crash, (CrashPoint Point, int Number)? then = null)
    {
        _appends = 0;
        _effects = 0;
        _crash = crash;
        CrashedAt = null;
        Trace.Clear();
        Keys.Clear();
        Letters.Clear();
        var client = _owners[0].GetRequiredService<ISagaClient>();
        var id = await client.StartAsync(Definitions[scenario.Name], value, "input", null, CancellationToken.None);
        var lease = new Lease(id, "item");
        var owner = 0;
        for (var items = 1; items < 50; items++)
        {
            try
            {
                var runtime = _owners[owner % 2].GetRequiredService<SagaRuntime>();
                using var run = new SagaRun(runtime, Definitions[scenario.Name], lease, CancellationToken.None);
                Assert.True(await run.RunAsync());
                var saga = (await client.GetAsync(id, CancellationToken.None))!;
                if (saga.Status != SagaStatus.Waiting)
                {
                    return (saga, owner + 1);
                }

                lease = await EndWaitAsync(scenario, saga, $"item-{items}");
            }
            catch (SimulatedCrashException)
            {
                // The same item is handed out again.
                owner++;
                _crash = then;
                then = null;
            }
        }

        throw new InvalidOperationException("It never ended.");
    }

    /// <summary>From now on append n has no answer, stored or not, and another owner claims the saga.</summary>
    public void Lose(int n, bool stored, Action lost)
    {
        BeforeEachAppend = number => number == n && !stored ? LoseAsync() : Task.CompletedTask;
        AfterEachAppend = number => number == n ? LoseAsync() : Task.CompletedTask;

        async Task LoseAsync()
        {
            BeforeEachAppend = AfterEachAppend = null;
            var id = new SagaId(Definitions.Keys.Single(), "1");
            var stored = await _journal.ReadAsync(id, 0, CancellationToken.None);
            var version = stored.Count == 0 ? 0 : stored[^1].Version;
            await _journal.AppendAsync(id, version, new(Guid.NewGuid(), [new SagaEvent.Claimed("another", true)]), CancellationToken.None);
            lost();
            throw new SagaStoreException("The answer was lost.");
        }
    }

    /// <summary>Hands out an item once more: the start item again when it is not named.</summary>
    public async Task<SagaSnapshot> RunItemAsync(SagaId id, string item = "item")
    {
        var runtime = _owners[0].GetRequiredService<SagaRuntime>();
        using var run = new SagaRun(runtime, Definitions[id.Definition], new Lease(id, item), CancellationToken.None);
        Assert.True(await run.RunAsync());
        return (await _owners[0].GetRequiredService<ISagaClient>().GetAsync(id, CancellationToken.None))!;
    }

    public ValueTask<SagaSnapshot> DecideAsync(SagaId id, SagaVerb verb, string step) =>
        _owners[0].GetRequiredService<ISagaOperator>().DecideAsync(id, new(verb, step, "ada", "mended"), CancellationToken.None);

    public async ValueTask<SagaAppendResult> AppendAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken)
    {
        if (LosesFirstAnswers is { } point && _sent.Add(entry.Writer))
        {
            await (point == CrashPoint.AfterAppend ? _journal.AppendAsync(id, expectedVersion, entry, cancellationToken) : default);
            throw new SagaStoreException("The answer was lost.");
        }

        var number = ++_appends;
        if (BeforeEachAppend is { } before)
        {
            await before(number);
        }

        if (_crash == (CrashPoint.BeforeAppend, number))
        {
            CrashedAt = entry;
            throw new SimulatedCrashException();
        }

        var result = await _journal.AppendAsync(id, expectedVersion, entry, cancellationToken);
        if (_crash == (CrashPoint.AfterAppend, number))
        {
            CrashedAt = entry;
            throw new SimulatedCrashException();
        }

        if (AfterEachAppend is { } after)
        {
            await after(number);
        }

        return result;
    }

    public ValueTask<IReadOnlyList<SagaStoredEntry>> ReadAsync(SagaId id, long afterVersion, CancellationToken cancellationToken) =>
        _journal.ReadAsync(id, afterVersion, cancellationToken);

    public ValueTask<DateTimeOffset> GetTimeAsync(CancellationToken cancellationToken) => _journal.GetTimeAsync(cancellationToken);

    public IAsyncEnumerable<SagaListed> ListAsync(string definition, CancellationToken cancellationToken) => _journal.ListAsync(definition, cancellationToken);

    public ValueTask<SagaAppendResult> CompactAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken) =>
        _journal.CompactAsync(id, expectedVersion, entry, cancellationToken);

    public ValueTask DeleteAsync(SagaId id, long expectedVersion, CancellationToken cancellationToken) =>
        _journal.DeleteAsync(id, expectedVersion, cancellationToken);

    public ValueTask<SagaValue?> ExecuteAsync(SagaEffectKey key, Func<ValueTask<SagaValue?>> effect, CancellationToken cancellationToken) =>
        _guard.ExecuteAsync(
            key,
            async () =>
            {
                // The effect happened, and the process ended before anybody could write that down.
                var number = ++_effects;
                Keys.Add($"{key.StepId}/{key.Undo}/{key}");
                var crashes = _crash == (CrashPoint.AfterEffect, number);
                var result = await effect();
                return crashes ? throw new SimulatedCrashException() : result;
            },
            cancellationToken);

    public ValueTask<SagaValue?> SealAsync(SagaEffectKey key, CancellationToken cancellationToken) => _guard.SealAsync(key, cancellationToken);

    public ValueTask PublishAsync(SagaLetter letter, CancellationToken cancellationToken)
    {
        if (Letters.All(known => known.Id != letter.Id))
        {
            Letters.Add(letter);
        }

        return default;
    }

    public ValueTask CloseAsync(string letterId, CancellationToken cancellationToken) => default;

    public void Dispose()
    {
        foreach (var owner in _owners)
        {
            owner.Dispose();
        }
    }

    /// <summary>Sends the signal, or lets the time pass; returns the item that comes of it.</summary>
    private async Task<Lease> EndWaitAsync(Scenario scenario, SagaSnapshot saga, string item)
    {
        var step = scenario.Steps.Single(s => s.Id == saga.Steps.First(s => s.Status == SagaStepStatus.Pending).StepId);
        if (step.Kind == "signal")
        {
            await Inbox.PostAsync(saga.Id, new SagaMessage.Signal("go", SagaValue.FromJson("\"now\""u8.ToArray())), CancellationToken.None);
            return new(saga.Id, item);
        }

        LetStoreTimePass(2 * _wait);
        return new(saga.Id, item) { TimerOf = step.Id };
    }

    // Scripts are played by the try within one owner's time, so that a crash does not use up an outcome.
    private void Play(string scenario, string direction, string step, int attempt, bool unknown)
    {
        Trace.Add($"{direction}:{step}#{attempt}{(unknown ? ":unknown" : "")}");
        var script = _scenarios[scenario].Steps.Single(s => s.Id == step);
        var outcomes = direction == "do" ? script.Attempts : script.Compensation!.Outcomes;
        switch (outcomes[Math.Min(attempt, outcomes.Count) - 1])
        {
            case "ok":
                return;
            case "reject":
                throw new SagaRejectedException("scripted");
            case "timeout":
                throw new TimeoutException("scripted");
            default:
                throw new HttpRequestException("scripted");
        }
    }

    private SagaDefinition<string> Define(Scenario scenario)
    {
        var builder = SagaDefinition.Create<string>(scenario.Name);
        foreach (var step in scenario.Steps)
        {
            if (step.Kind is "signal" or "late_signal" or "delay")
            {
                _ = step.Kind == "delay" ? builder.Delay(step.Id, _wait) : builder.WaitForSignal<string>(step.Id, step.Kind == "signal" ? "go" : "never", _wait);
                continue;
            }

            builder.Step(
                step.Id,
                (context, _) =>
                {
                    Play(scenario.Name, "do", context.StepId, context.Attempt, unknown: false);
                    return ValueTask.FromResult(context.StepId);
                },
                new SagaStepOptions
                {
                    MaxAttempts = step.MaxAttempts,
                    Kind = step.Kind switch { "pivot" => SagaStepKind.Pivot, "retriable" => SagaStepKind.Retriable, _ => SagaStepKind.Compensable },
                });
        }

        return builder.Deadline(Deadline).Build();
    }

    private ServiceProvider Owner(
        int hours, IReadOnlyList<Scenario> scenarios, List<SagaDefinition<string>> definitions, ISagaInbox inbox, ISagaDispatcher dispatcher)
    {
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.None));
        services.AddSingleton<TimeProvider>(new WrongClock(TimeSpan.FromHours(hours)));
        services.AddSingleton<ISagaJournal>(this).AddSingleton(inbox).AddSingleton(dispatcher).AddSingleton<ISagaEffectGuard>(this).AddSingleton<ISagaLetterSink>(this);
        services.AddSingleton(this);
        services.Configure<RetryProfileOptions>(RetryProfileNames.Default, profile => profile.BaseDelay = TimeSpan.Zero);
        services.AddSagaCompensation<Undo>("undo");
        foreach (var (scenario, definition) in scenarios.Zip(definitions))
        {
            services.AddSaga(definition);
            services.Configure<SagaCompensationTableOptions>(scenario.Name, table =>
            {
                foreach (var step in scenario.Steps.Where(step => step.Kind == "comp"))
                {
                    table.Steps.Add(new()
                    {
                        StepId = step.Id,
                        CompensationAction = new()
                        {
                            Type = "undo", RetryCount = step.Compensation!.RetryCount,
                            OnFailure = Enum.Parse<SagaCompensationFailure>(step.Compensation.OnFailure, ignoreCase: true),
                        },
                    });
                }
            });
        }

        return services.BuildServiceProvider();
    }

    private sealed class Undo(CrashWorld world) : ISagaCompensation
    {
        public ValueTask CompensateAsync(SagaCompensationContext context, CancellationToken cancellationToken)
        {
            Assert.False(cancellationToken.IsCancellationRequested, "I11: a compensation is never cancelled by what it follows");
            world.Play(context.SagaId.Definition, "undo", context.StepId, context.Attempt, context.OutcomeUnknown);
            return default;
        }
    }

    private sealed class WrongClock(TimeSpan wrongBy) : TimeProvider
    {
        public TimeSpan WrongBy { get; set; } = wrongBy;

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + WrongBy;

        // The pause before an unanswered append is sent again is over at once; what a step may take is not.
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime < TimeSpan.FromSeconds(1) && dueTime > TimeSpan.Zero ? TimeSpan.Zero : dueTime, period);
    }

    private sealed class Lease(SagaId id, string itemId) : ISagaLease
    {
        public SagaId SagaId => id;

        public string ItemId => itemId;

        public string? TimerOf { get; init; }

        public DateTimeOffset EnqueuedAt => DateTimeOffset.UtcNow;

        public ValueTask CompleteAsync(CancellationToken cancellationToken) => default;

        public ValueTask AbandonAsync(TimeSpan delay, CancellationToken cancellationToken) => default;

        public void Dispose()
        {
        }
    }
}
