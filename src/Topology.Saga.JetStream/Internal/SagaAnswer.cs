using System.Buffers;
using System.Text.Json;
using NATS.Client.Core;

namespace Topology.Saga.JetStream.Internal;

/// <summary>What the server answered.</summary>
/// <param name="Sequence">Where it was stored.</param>
/// <param name="Error">Why it was not: JetStream's own code, or the general one when it gave no other.</param>
/// <param name="Text">What it said to that.</param>
/// <param name="Headers">Of a message, or a status.</param>
/// <param name="Body">Of a message.</param>
internal readonly record struct SagaAnswer(ulong Sequence, int Error, string? Text, NatsHeaders? Headers, ReadOnlyMemory<byte> Body)
{
    public int Status => Headers?.Code ?? 0;

    /// <summary>Reads the answer to what was published to a stream.</summary>
    public static SagaAnswer Parse(in ReadOnlySequence<byte> body)
    {
        var reader = new Utf8JsonReader(body);
        var (sequence, code, error, text) = (0UL, 0, 0, (string?)null);
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }

            if (reader.ValueTextEquals("seq"u8) && reader.Read())
            {
                sequence = reader.GetUInt64();
            }
            else if (reader.ValueTextEquals("code"u8) && reader.Read())
            {
                code = reader.GetInt32();
            }
            else if (reader.ValueTextEquals("err_code"u8) && reader.Read())
            {
                error = reader.GetInt32();
            }
            else if (reader.ValueTextEquals("description"u8) && reader.Read())
            {
                text = reader.GetString();
            }
        }

        return new(sequence, error == 0 ? code : error, text, null, default);
    }
}
