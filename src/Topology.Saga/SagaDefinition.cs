using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Topology.Saga.Internal;

namespace Topology.Saga;

/// <summary>What a saga does, step by step. Immutable and safe for concurrent use.</summary>
public abstract class SagaDefinition
{
    private protected SagaDefinition(string name, IReadOnlyList<SagaStep> steps, TimeSpan? deadline)
    {
        Name = name;
        Deadline = deadline;
        Steps = steps;
        StepIds = [.. steps.Select(step => step.Id)];
        Hash = SagaDefinitionHash.Compute(this);
    }

    /// <summary>Gets the saga's name, which is also the name of its compensation table.</summary>
    public string Name { get; }

    /// <summary>Gets the ids of the steps, in the order in which they run.</summary>
    public IReadOnlyList<string> StepIds { get; }

    /// <summary>Gets the time from the start after which the saga goes backward; <see langword="null"/> for none.</summary>
    public TimeSpan? Deadline { get; }

    /// <summary>Gets the SHA-256, in lower-case hex, of the name, the steps' ids, kinds and result types.</summary>
    /// <remarks>Timeouts and retries are not part of it: they may change while sagas run.</remarks>
    public string Hash { get; }

    internal abstract Type InputType { get; }

    internal IReadOnlyList<SagaStep> Steps { get; }

    /// <summary>Begins a definition.</summary>
    /// <typeparam name="TInput">What a saga is started with.</typeparam>
    /// <param name="name">The saga's name, such as <c>order_processing</c>.</param>
    /// <param name="json">Knows the input and every result type, so that a saga survives its process.</param>
    public static SagaDefinitionBuilder<TInput> Create<TInput>(string name, JsonSerializerContext json)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(json);
        return new SagaDefinitionBuilder<TInput>(name, json.Options);
    }

    /// <summary>Begins a definition whose values are written by reflection.</summary>
    /// <typeparam name="TInput">What a saga is started with.</typeparam>
    /// <param name="name">The saga's name, such as <c>order_processing</c>.</param>
    [RequiresUnreferencedCode("Values are written by reflection. Use the overload with a JsonSerializerContext in trimmed apps.")]
    [RequiresDynamicCode("Values are written by reflection. Use the overload with a JsonSerializerContext in AOT apps.")]
    public static SagaDefinitionBuilder<TInput> Create<TInput>(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web) { TypeInfoResolver = new DefaultJsonTypeInfoResolver() };
        options.MakeReadOnly();
        return new SagaDefinitionBuilder<TInput>(name, options);
    }

    internal SagaStep? FindStep(string id) => Steps.FirstOrDefault(step => step.Id == id);
}
