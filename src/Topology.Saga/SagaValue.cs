using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Topology.Saga;

/// <summary>An input or result on its way into or out of a journal. Immutable as long as the value itself is.</summary>
/// <remarks>
/// In memory it carries the value; a durable journal stores <see cref="ToJson"/> and gives <see cref="FromJson"/> back. Values are
/// handed to later steps and compensations as they are: use immutable types.
/// </remarks>
public sealed class SagaValue
{
    private readonly ReadOnlyMemory<byte> _json;
    private readonly object? _value;
    private readonly JsonTypeInfo? _type;

    private SagaValue(object? value, JsonTypeInfo? type, ReadOnlyMemory<byte> json)
    {
        _value = value;
        _type = type;
        _json = json;
    }

    /// <summary>Gets the value of a step without a result.</summary>
    public static SagaValue None { get; } = new(null, null, "null"u8.ToArray());

    /// <summary>Wraps a value.</summary>
    /// <typeparam name="T">The value's type.</typeparam>
    /// <param name="value">The value.</param>
    /// <param name="type">How it is written.</param>
    public static SagaValue Create<T>(T value, JsonTypeInfo<T> type)
    {
        ArgumentNullException.ThrowIfNull(type);
        return new SagaValue(value, type, default);
    }

    /// <summary>Wraps what a journal has stored.</summary>
    /// <param name="json">UTF-8 JSON.</param>
    public static SagaValue FromJson(ReadOnlyMemory<byte> json) => new(null, null, json);

    /// <summary>Returns the value as UTF-8 JSON.</summary>
    public ReadOnlyMemory<byte> ToJson() => _type is null ? _json : JsonSerializer.SerializeToUtf8Bytes(_value, _type);

    internal T Get<T>(JsonTypeInfo<T> type) => _type is null ? JsonSerializer.Deserialize(_json.Span, type)! : (T)_value!;
}
