using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.DependencyInjection;
using Topology.Saga.Internal;

namespace Topology.Saga;

/// <summary>Collects the steps of a definition. Not safe for concurrent use.</summary>
/// <typeparam name="TInput">What a saga is started with.</typeparam>
public sealed class SagaDefinitionBuilder<TInput>
{
    private readonly List<string> _faults = [];
    private readonly JsonSerializerOptions _json;
    private readonly string _name;
    private readonly List<SagaStep> _steps = [];
    private TimeSpan? _deadline;

    internal SagaDefinitionBuilder(string name, JsonSerializerOptions json)
    {
        _name = name;
        _json = json;
    }

    /// <summary>Adds a step whose result later steps and its own compensation are given.</summary>
    /// <typeparam name="TResult">The result's type.</typeparam>
    /// <param name="id">The step's id, as the compensation table names it.</param>
    /// <param name="run">
    /// Does the work. May run more than once: pass <see cref="SagaStepContext{TInput}.IdempotencyKey"/> to whoever does it.
    /// </param>
    /// <param name="options">How it is tried.</param>
    /// <returns>This builder.</returns>
    public SagaDefinitionBuilder<TInput> Step<TResult>(
        string id, Func<SagaStepContext<TInput>, CancellationToken, ValueTask<TResult>> run, SagaStepOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(id);
        ArgumentNullException.ThrowIfNull(run);
        if (Json<TResult>($"the result of step '{id}'") is { } json)
        {
            _steps.Add(new SagaStep<TInput, TResult>(id, options ?? new(), run, json));
        }

        return this;
    }

    /// <summary>Adds a step without a result.</summary>
    /// <param name="id">The step's id, as the compensation table names it.</param>
    /// <param name="run">
    /// Does the work. May run more than once: pass <see cref="SagaStepContext{TInput}.IdempotencyKey"/> to whoever does it.
    /// </param>
    /// <param name="options">How it is tried.</param>
    /// <returns>This builder.</returns>
    public SagaDefinitionBuilder<TInput> Step(
        string id, Func<SagaStepContext<TInput>, CancellationToken, ValueTask> run, SagaStepOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(id);
        ArgumentNullException.ThrowIfNull(run);
        _steps.Add(new SagaStep<TInput>(id, options ?? new(), run));
        return this;
    }

    /// <summary>Adds a step that is a class, made anew for each try with its dependencies from the container.</summary>
    /// <typeparam name="TStep">The class. It must be registered.</typeparam>
    /// <typeparam name="TResult">The result's type.</typeparam>
    /// <param name="id">The step's id, as the compensation table names it.</param>
    /// <param name="options">How it is tried.</param>
    /// <returns>This builder.</returns>
    public SagaDefinitionBuilder<TInput> Step<TStep, TResult>(string id, SagaStepOptions? options = null)
        where TStep : class, ISagaStep<TInput, TResult> =>
        Step(id, static (context, token) => context.Services.GetRequiredService<TStep>().ExecuteAsync(context, token), options);

    /// <summary>Adds a step that waits for a signal, such as an approval, holding no worker meanwhile. Its result is the signal's value.</summary>
    /// <typeparam name="T">The value's type.</typeparam>
    /// <param name="id">The step's id.</param>
    /// <param name="signal">The signal's name. A signal that came earlier counts.</param>
    /// <param name="timeout">
    /// How long to wait, 1 millisecond to 365 days. Then the step has failed without an effect: what came before is undone, or, after the
    /// pivot, the saga is stuck.
    /// </param>
    /// <returns>This builder.</returns>
    public SagaDefinitionBuilder<TInput> WaitForSignal<T>(string id, string signal, TimeSpan timeout)
    {
        ArgumentNullException.ThrowIfNull(id);
        ArgumentException.ThrowIfNullOrWhiteSpace(signal);
        if (Json<T>($"the signal of step '{id}'") is { } json)
        {
            _steps.Add(new SagaSignalStep<T>(id, signal, timeout, json));
        }

        return this;
    }

    /// <summary>Adds a step that lets time pass, holding no worker meanwhile.</summary>
    /// <param name="id">The step's id.</param>
    /// <param name="delay">How long, 1 millisecond to 365 days.</param>
    /// <returns>This builder.</returns>
    public SagaDefinitionBuilder<TInput> Delay(string id, TimeSpan delay)
    {
        ArgumentNullException.ThrowIfNull(id);
        _steps.Add(new SagaDelayStep(id, delay));
        return this;
    }

    /// <summary>Bounds the whole saga: when it has not completed in time, the running try is cancelled and what was done is undone.</summary>
    /// <param name="deadline">The time from the start, 1 millisecond to 365 days. Past the pivot it has no effect.</param>
    /// <returns>This builder.</returns>
    public SagaDefinitionBuilder<TInput> Deadline(TimeSpan deadline)
    {
        _deadline = deadline;
        return this;
    }

    /// <summary>Checks the steps and makes the definition.</summary>
    /// <exception cref="SagaDefinitionException">The definition cannot work; the message lists every fault.</exception>
    public SagaDefinition<TInput> Build()
    {
        var faults = new List<string>(_faults);
        var input = Json<TInput>("the input", faults);
        SagaDefinitionRules.Check(_name, _steps, _deadline, faults);
        if (faults.Count > 0)
        {
            throw new SagaDefinitionException([.. faults.Select(fault => $"Saga '{_name}': {fault}")]);
        }

        return new SagaDefinition<TInput>(_name, [.. _steps], _deadline, input!);
    }

    private JsonTypeInfo<T>? Json<T>(string what, List<string>? faults = null)
    {
        if (_json.TryGetTypeInfo(typeof(T), out var info))
        {
            return (JsonTypeInfo<T>)info;
        }

        (faults ?? _faults).Add($"the type {typeof(T)}, {what}, is not known to the JsonSerializerContext. Add [JsonSerializable(typeof({typeof(T).Name}))].");
        return null;
    }
}
