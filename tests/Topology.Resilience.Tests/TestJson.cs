using System.Text.Json.Serialization;

namespace Topology.Resilience.Tests;

[JsonSerializable(typeof(string))]
internal sealed partial class TestJson : JsonSerializerContext;
