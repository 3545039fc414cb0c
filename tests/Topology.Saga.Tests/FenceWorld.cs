using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Topology.Retry;
using Topology.Saga.Internal;

namespace Topology.Saga.Tests;

/// <summary>Owners of one saga that are stopped in the middle and go on after another has taken over, and a bank they all talk to.</summary>
/// <remarks>
/// The guard only seals; it keeps no results. The bank deduplicates by key, refuses what was undone, and is told things by owners that do
/// not know yet that they were replaced.
/// </remarks>
internal sealed class FenceWorld : ISagaJournal, ISagaEffectGuard, IDisposable
{
    private readonly AsyncLocal<int> _owner = new();
    private readonly InMemorySagaJournal _journal = new(TimeProvider.System);
    private readonly ServiceProvider _services;
    private readonly Scenario _scenario;
    private readonly SagaDefinition<string> _definition;
    private readonly HashSet<SagaEffectKey> _sealed = [];
    private readonly List<int> _writers = [];
    private readonly Dictionary<int, int> _points = [];
    private int[] _pauses = [];
    private int _latestClaim;

    public FenceWorld(Scenario scenario)
    {
        _scenario = scenario;
        _definition = Define(scenario);
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.None));
        services.AddSingleton<ISagaJournal>(this).AddSingleton<ISagaEffectGuard>(this).AddInMemorySagaStore();
        services.Configure<RetryProfileOptions>(RetryProfileNames.Default, profile => profile.BaseDelay = TimeSpan.Zero);
        services.AddSingleton(this).AddSagaCompensation<Undo>("undo").AddSaga(_definition);
        services.Configure<SagaCompensationTableOptions>(scenario.Name, table =>
        {
            foreach (var step in scenario.Steps.Where(step => step.Kind == "comp"))
            {
                table.Steps.Add(new() { StepId = step.Id, CompensationAction = new() { Type = "undo", RetryCount = step.Compensation!.RetryCount } });
            }
        });
        _services = services.BuildServiceProvider();
    }

    /// <summary>The steps whose money has moved.</summary>
    public HashSet<string> Moved { get; } = [];

    public HashSet<string> Undone { get; } = [];

    /// <summary>Effects that an owner began after another had written its claim, by owner.</summary>
    public Dictionary<int, int> BegunLate { get; } = [];

    /// <summary>Who wrote, entry by entry.</summary>
    public IReadOnlyList<int> Writers => _writers;

    public int Points => _points.GetValueOrDefault(0);

    public int Owners { get; private set; }

    /// <summary>Runs the saga: owner n stops at its n-th given point, until the next owner has done the same and ended.</summary>
    public async Task<SagaSnapshot> RunAsync(params int[] pauses)
    {
        _pauses = pauses;
        var client = _services.GetRequiredService<ISagaClient>();
        var id = await client.StartAsync(_definition, "1", "input", null, CancellationToken.None);
        await RunOwnerAsync(id, 0);
        return (await client.GetAsync(id, CancellationToken.None))!;
    }

    public async ValueTask<SagaAppendResult> AppendAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken)
    {
        await PauseAsync(id);
        var result = await _journal.AppendAsync(id, expectedVersion, entry, cancellationToken);
        if (result.Stored)
        {
            _writers.Add(_owner.Value);
            _latestClaim = entry.Events.Any(e => e is SagaEvent.Claimed) ? _owner.Value : _latestClaim;
        }

        await PauseAsync(id);
        return result;
    }

    public async ValueTask<SagaValue?> ExecuteAsync(SagaEffectKey key, Func<ValueTask<SagaValue?>> effect, CancellationToken cancellationToken)
    {
        Refuse(key);
        await PauseAsync(key.SagaId);
        if (_owner.Value != _latestClaim)
        {
            BegunLate[_owner.Value] = BegunLate.GetValueOrDefault(_owner.Value) + 1;
        }

        var result = await effect();
        await PauseAsync(key.SagaId);
        Refuse(key);
        return result;
    }

    public ValueTask<SagaValue?> SealAsync(SagaEffectKey key, CancellationToken cancellationToken)
    {
        _sealed.Add(key);
        return new((SagaValue?)null);
    }

    public ValueTask<IReadOnlyList<SagaStoredEntry>> ReadAsync(SagaId id, long afterVersion, CancellationToken cancellationToken) =>
        _journal.ReadAsync(id, afterVersion, cancellationToken);

    public ValueTask<DateTimeOffset> GetTimeAsync(CancellationToken cancellationToken) => _journal.GetTimeAsync(cancellationToken);

    public ValueTask<SagaAppendResult> CompactAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken) =>
        _journal.CompactAsync(id, expectedVersion, entry, cancellationToken);

    public ValueTask DeleteAsync(SagaId id, long expectedVersion, CancellationToken cancellationToken) =>
        _journal.DeleteAsync(id, expectedVersion, cancellationToken);

    public IAsyncEnumerable<SagaListed> ListAsync(string definition, CancellationToken cancellationToken) => _journal.ListAsync(definition, cancellationToken);

    public void Dispose() => _services.Dispose();

    private async Task RunOwnerAsync(SagaId id, int owner)
    {
        Owners = Math.Max(Owners, owner + 1);
        _owner.Value = owner;
        try
        {
            using var run = new SagaRun(_services.GetRequiredService<SagaRuntime>(), _definition, new Lease(id), CancellationToken.None);
            await run.RunAsync();
        }
        catch (SagaFencedException)
        {
            // Another took over while this one was stopped.
        }
    }

    private async Task PauseAsync(SagaId id)
    {
        var owner = _owner.Value;
        var point = _points[owner] = _points.GetValueOrDefault(owner) + 1;
        if (owner < _pauses.Length && point == _pauses[owner])
        {
            await RunOwnerAsync(id, owner + 1);
            _owner.Value = owner;
        }
    }

    private void Refuse(SagaEffectKey key)
    {
        if (_sealed.Contains(key))
        {
            throw new SagaSealedException("sealed");
        }
    }

    private SagaDefinition<string> Define(Scenario scenario)
    {
        var builder = SagaDefinition.Create<string>(scenario.Name);
        foreach (var step in scenario.Steps)
        {
            builder.Step(
                step.Id,
                (context, _) =>
                {
                    Do(step, context.Attempt);
                    return ValueTask.FromResult(context.StepId);
                },
                new SagaStepOptions
                {
                    MaxAttempts = step.MaxAttempts,
                    Kind = step.Kind switch { "pivot" => SagaStepKind.Pivot, "retriable" => SagaStepKind.Retriable, _ => SagaStepKind.Compensable },
                });
        }

        return builder.Build();
    }

    // A timeout moved the money and lost the answer; a transient fault and a refusal moved nothing.
    private void Do(ScenarioStep step, int attempt)
    {
        var outcome = step.Attempts[Math.Min(attempt, step.Attempts.Count) - 1];
        if (outcome is "ok" or "timeout" && !Undone.Contains(step.Id))
        {
            Moved.Add(step.Id);
        }

        switch (outcome)
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

    private sealed class Undo(FenceWorld world) : ISagaCompensation
    {
        public ValueTask CompensateAsync(SagaCompensationContext context, CancellationToken cancellationToken)
        {
            var outcomes = world._scenario.Steps.Single(step => step.Id == context.StepId).Compensation!.Outcomes;
            if (outcomes[Math.Min(context.Attempt, outcomes.Count) - 1] != "ok")
            {
                throw new HttpRequestException("scripted");
            }

            world.Undone.Add(context.StepId);
            world.Moved.Remove(context.StepId);
            return default;
        }
    }

    private sealed class Lease(SagaId id) : ISagaLease
    {
        public SagaId SagaId => id;

        public string ItemId => "item";

        public string? TimerOf => null;

        public DateTimeOffset EnqueuedAt => DateTimeOffset.UtcNow;

        public ValueTask CompleteAsync(CancellationToken cancellationToken) => default;

        public ValueTask AbandonAsync(TimeSpan delay, CancellationToken cancellationToken) => default;

        public void Dispose()
        {
        }
    }
}
