using System.Text.Json.Serialization;

namespace Topology.Dlq.Internal;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(DeadLetterMark))]
[JsonSerializable(typeof(DeadLetterAlert))]
internal sealed partial class MarkJson : JsonSerializerContext;
