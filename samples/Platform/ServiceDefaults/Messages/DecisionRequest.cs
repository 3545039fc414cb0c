namespace Platform.ServiceDefaults.Messages;

/// <summary>What router-service is asked.</summary>
/// <param name="Task">The kind of task, such as <c>order_processing</c> or a tool's name.</param>
public sealed record DecisionRequest(string Task);
