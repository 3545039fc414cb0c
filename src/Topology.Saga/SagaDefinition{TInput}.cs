using System.Text.Json.Serialization.Metadata;
using Topology.Saga.Internal;

namespace Topology.Saga;

/// <summary>A definition whose sagas are started with a <typeparamref name="TInput"/>. Immutable and safe for concurrent use.</summary>
/// <typeparam name="TInput">What a saga is started with.</typeparam>
public sealed class SagaDefinition<TInput> : SagaDefinition
{
    internal SagaDefinition(string name, IReadOnlyList<SagaStep> steps, TimeSpan? deadline, JsonTypeInfo<TInput> inputJson)
        : base(name, steps, deadline) => InputJson = inputJson;

    internal JsonTypeInfo<TInput> InputJson { get; }

    internal override Type InputType => typeof(TInput);
}
