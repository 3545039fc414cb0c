using System.Text.Json.Serialization;

namespace Quickstart.Orders;

/// <summary>How the saga's input and results are written: without reflection, so that the app could be published ahead of time.</summary>
[JsonSerializable(typeof(Order))]
[JsonSerializable(typeof(Payment))]
[JsonSerializable(typeof(Reservation))]
[JsonSerializable(typeof(Email))]
[JsonSerializable(typeof(CrmRevision))]
[JsonSourceGenerationOptions(System.Text.Json.JsonSerializerDefaults.Web)]
internal sealed partial class OrderJson : JsonSerializerContext;
