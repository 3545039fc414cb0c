using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Topology.Saga;

/// <summary>An input or result on its way into or out of a journal. Immutable as long as the value itself is.</summary>
/// <remarks>
/// In memory it carries the value; a durable journal stores <see cref="ToJson"/> and gives <see cref="FromJson"/> back. Values are
/// handed to later steps and compensations as they are: use immutable types.
/// </remarks>
public abstract class SagaValue
{
    private SagaValue()
    {
    }

    /// <summary>Gets the value of a step without a result.</summary>
    public static SagaValue None { get; } = new Written("null"u8.ToArray());

    /// <summary>Wraps a value.</summary>
    /// <typeparam name="T">The value's type.</typeparam>
    /// <param name="value">The value.</param>
    /// <param name="type">How it is written.</param>
    public static SagaValue Create<T>(T value, JsonTypeInfo<T> type)
    {
        ArgumentNullException.ThrowIfNull(type);
        return new Carried<T>(value, type);
    }

    /// <summary>Wraps what a journal has stored.</summary>
    /// <param name="json">UTF-8 JSON.</param>
    public static SagaValue FromJson(ReadOnlyMemory<byte> json) => new Written(json);

    /// <summary>Returns the value as UTF-8 JSON.</summary>
    public abstract ReadOnlyMemory<byte> ToJson();

    internal abstract T Get<T>(JsonTypeInfo<T> type);

    private sealed class Written(ReadOnlyMemory<byte> json) : SagaValue
    {
        public override ReadOnlyMemory<byte> ToJson() => json;

        internal override T Get<T>(JsonTypeInfo<T> type) => JsonSerializer.Deserialize(json.Span, type)!;
    }

    /// <summary>Holds the value as what it is: most are small, and a box for each would be as large again.</summary>
    private sealed class Carried<TValue>(TValue value, JsonTypeInfo<TValue> type) : SagaValue
    {
        public override ReadOnlyMemory<byte> ToJson() => JsonSerializer.SerializeToUtf8Bytes(value, type);

        internal override T Get<T>(JsonTypeInfo<T> asked) => value is T same ? same : (T)(object?)value!;
    }
}
