using System.Text.Json;
using System.Text.Json.Serialization;

namespace Platform.ServiceDefaults.Messages;

/// <summary>How messages are written.</summary>
[JsonSerializable(typeof(RunRequested))]
[JsonSerializable(typeof(RunState))]
[JsonSerializable(typeof(DecisionRequest))]
[JsonSerializable(typeof(Decision))]
[JsonSerializable(typeof(ToolCall))]
[JsonSerializable(typeof(ToolResult))]
[JsonSerializable(typeof(DocumentRequested))]
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
public sealed partial class PlatformJson : JsonSerializerContext;
