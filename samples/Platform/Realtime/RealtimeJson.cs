using System.Text.Json;
using System.Text.Json.Serialization;

namespace Platform.Realtime;

/// <summary>How clients write.</summary>
[JsonSerializable(typeof(ClientMessage))]
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
internal sealed partial class RealtimeJson : JsonSerializerContext;
