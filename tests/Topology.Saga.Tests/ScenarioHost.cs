using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Topology.Retry;

namespace Topology.Saga.Tests;

/// <summary>A host that runs scenarios: their steps and compensations play their scripts and write down what they were asked.</summary>
internal sealed class ScenarioHost : IAsyncDisposable, ISagaLetterSink
{
    private readonly ConcurrentDictionary<SagaId, ConcurrentQueue<string>> _traces = new();
    private readonly IHost _host;

    private ScenarioHost(IReadOnlyList<Scenario> scenarios, Action<IServiceCollection>? configure)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new() { DisableDefaults = true });
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.None));
        builder.Services.AddSingleton<ISagaLetterSink>(this);
        builder.Services.AddTopologySaga();
        builder.Services.Configure<RetryProfileOptions>(RetryProfileNames.Default, profile => profile.BaseDelay = TimeSpan.Zero);
        builder.Services.AddSingleton(this);
        builder.Services.AddSagaCompensation<ScriptedCompensation>("undo");
        foreach (var scenario in scenarios)
        {
            var definition = Define(scenario);
            Definitions.Add(scenario.Name, definition);
            builder.Services.AddSaga(definition);
            builder.Services.Configure<SagaCompensationTableOptions>(scenario.Name, table => Fill(table, scenario));
        }

        configure?.Invoke(builder.Services);
        builder.Services.AddInMemorySagaStore();
        _host = builder.Build();
    }

    public Dictionary<string, SagaDefinition<string>> Definitions { get; } = [];

    public ISagaClient Client => _host.Services.GetRequiredService<ISagaClient>();

    public ISagaOperator Operator => _host.Services.GetRequiredService<ISagaOperator>();

    public ConcurrentDictionary<string, SagaLetter> Letters { get; } = new();

    public ConcurrentDictionary<string, bool> ClosedLetters { get; } = new();

    /// <summary>Scripts by scenario, direction and step; changed by a test that mends something.</summary>
    public ConcurrentDictionary<(string Scenario, string Direction, string Step), IReadOnlyList<string>> Scripts { get; } = new();

    public static async Task<ScenarioHost> StartAsync(
        IReadOnlyList<Scenario> scenarios, CancellationToken cancellationToken, Action<IServiceCollection>? configure = null)
    {
        var host = new ScenarioHost(scenarios, configure);
        await host._host.StartAsync(cancellationToken);
        return host;
    }

    public T Service<T>()
        where T : notnull => _host.Services.GetRequiredService<T>();

    public IReadOnlyList<string> Trace(SagaId id) => [.. _traces.GetOrAdd(id, _ => new())];

    public ValueTask PublishAsync(SagaLetter letter, CancellationToken cancellationToken)
    {
        Letters.TryAdd(letter.Id, letter);
        return default;
    }

    public ValueTask CloseAsync(string letterId, CancellationToken cancellationToken)
    {
        ClosedLetters[letterId] = true;
        return default;
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }

    internal void Play(SagaId id, string direction, string step, bool unknown)
    {
        var trace = _traces.GetOrAdd(id, _ => new());
        var prefix = $"{direction}:{step}#";
        var number = trace.Count(line => line.StartsWith(prefix, StringComparison.Ordinal)) + 1;
        trace.Enqueue($"{prefix}{number}{(unknown ? ":unknown" : "")}");
        var script = Scripts[(id.Definition, direction, step)];
        var outcome = script[Math.Min(number, script.Count) - 1];
        switch (outcome)
        {
            case "ok":
                return;
            case "reject":
                throw new SagaRejectedException("scripted");
            case "timeout":
                throw new TimeoutException("scripted");
            case "transient" or "fail":
                throw new HttpRequestException("scripted");
            case "bug":
                throw new ArgumentException("scripted");
            default:
                throw new InvalidDataException($"The script says '{outcome}'.");
        }
    }

    private SagaDefinition<string> Define(Scenario scenario)
    {
        var builder = SagaDefinition.Create<string>(scenario.Name);
        foreach (var step in scenario.Steps)
        {
            Scripts[(scenario.Name, "do", step.Id)] = step.Attempts;
            Scripts[(scenario.Name, "undo", step.Id)] = step.Compensation?.Outcomes ?? ["ok"];
            builder.Step(
                step.Id,
                (context, _) =>
                {
                    Play(context.SagaId, "do", context.StepId, unknown: false);
                    return ValueTask.FromResult($"result of {context.StepId}");
                },
                new SagaStepOptions
                {
                    MaxAttempts = step.MaxAttempts,
                    Kind = step.Kind switch { "pivot" => SagaStepKind.Pivot, "retriable" => SagaStepKind.Retriable, _ => SagaStepKind.Compensable },
                });
        }

        return builder.Build();
    }

    private static void Fill(SagaCompensationTableOptions table, Scenario scenario)
    {
        foreach (var step in scenario.Steps.Where(step => step.Kind == "comp"))
        {
            table.Steps.Add(new()
            {
                StepId = step.Id,
                CompensationAction = new()
                {
                    Type = "undo",
                    RetryCount = step.Compensation!.RetryCount,
                    OnFailure = Enum.Parse<SagaCompensationFailure>(step.Compensation.OnFailure, ignoreCase: true),
                },
            });
        }
    }
}

internal sealed class ScriptedCompensation(ScenarioHost host) : ISagaCompensation<string>
{
    public ValueTask CompensateAsync(SagaCompensationContext<string> context, CancellationToken cancellationToken)
    {
        Assert.Equal(context.OutcomeUnknown ? null : $"result of {context.StepId}", context.Result);
        host.Play(context.SagaId, "undo", context.StepId, context.OutcomeUnknown);
        return default;
    }
}
