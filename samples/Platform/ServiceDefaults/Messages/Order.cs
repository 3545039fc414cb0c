namespace Platform.ServiceDefaults.Messages;

/// <summary>What a run is to get done.</summary>
/// <param name="Customer">For whom.</param>
/// <param name="Item">What is ordered.</param>
/// <param name="Amount">What it costs.</param>
public sealed record Order(string Customer, string Item, decimal Amount);
